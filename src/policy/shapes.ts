import { compileGlob, GlobError } from "@tollgate/instrumentation/policy";
import { z } from "zod";

/** The name of a document: unique within its kind. */
export const documentName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, {
  error: "expected 1 to 128 letters, digits, `.`, `_`, `/` or `-`, starting with a letter or digit",
});

/** The value of a label: what a process may claim and a budget may match. */
export const labelText = z.string().min(1).max(256);

/** Where acts go, as spans name it: a host, a mail domain, a `#channel`, a bucket, with `*`. */
export const placePattern = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => !/[@/\s]/.test(text) && isGlob(text), {
    error: "expected a host, a mail domain, a `#channel` or a bucket, with `*`: `*.corp.example`; no address, no URL",
  });

function isGlob(text: string): boolean {
  try {
    compileGlob(text);
    return true;
  } catch (error) {
    if (error instanceof GlobError) return false;
    throw error;
  }
}
