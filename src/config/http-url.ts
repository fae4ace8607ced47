import { z } from "zod";

/** An http or https URL that may be shown: it stands in logs and in `status`, and so must hold no credentials. */
export const httpUrlSchema = z
  .url({ protocol: /^https?$/, error: "expected an http or https URL" })
  .refine((text) => !hasCredentials(text), {
    error: "a URL is shown in logs: names and passwords have keys of their own, or go into `headers`",
  });

/** One of a server as such, of which everything else is said by other keys. */
export const serverUrlSchema = httpUrlSchema.refine((text) => hasCredentials(text) || isServerOnly(text), {
  error: "expected nothing behind host and port: the rest has keys of its own",
});

/** Asked of what is no URL, too, which has been told by then. */
function hasCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== "" || url.password !== "");
}

function isServerOnly(text: string): boolean {
  const url = URL.parse(text);
  return url === null || (url.pathname === "/" && url.search === "" && url.hash === "");
}
