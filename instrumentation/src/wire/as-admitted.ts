/** Holds a request that an admitted call sends against what was admitted, as it is read at the place that it goes to. */
import { asBody } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import type { SentBody } from "../gate/sent-body.ts";
import { openRequest } from "./dialects.ts";
import { modelPath } from "./model-path.ts";
import { isReadAsAnywhere } from "./providers.ts";
import type { ProviderHost } from "./providers.ts";
import { readBody } from "./request-body.ts";

export interface SentRequest {
  readonly url: URL;
  /** `undefined`: it can't be read. */
  readonly body: string | Uint8Array | undefined;
  /** Headers by lower-case name. */
  readonly header: (name: string) => string | undefined;
  readonly host: ProviderHost | undefined;
}

/** False: it is a call of its own. Never throws: what is wrong with our own reading is contained where that call is begun. */
export function isAsAdmitted(admitted: SentBody, sent: SentRequest): boolean {
  try {
    return sent.body !== undefined && isCovered(admitted, { ...sent, body: sent.body });
  } catch {
    return false;
  }
}

type ReadableRequest = SentRequest & { readonly body: string | Uint8Array };

function isCovered(admitted: SentBody, { url, body, header, host }: ReadableRequest): boolean {
  // Nearly always: nothing is read then.
  if (admitted.isAsMade(url, typeof body === "string" ? body : utf8(body))) return true;
  let json: { readonly is: Body | undefined } | undefined;
  const asJson = (): Body | undefined => (json ??= { is: asBody(readBody(body, header).json) }).is;
  return admitted.covers({
    url,
    body: asJson,
    read() {
      const path = modelPath(url.pathname);
      const opened = openRequest({ path, body: asJson(), isFrozen: false, host, header });
      if (opened === undefined) return undefined;
      return {
        endpoint: opened.endpoint,
        body: opened.body,
        // By a host of many names nobody can tell which of them the call was admitted under.
        provider: host === undefined || isReadAsAnywhere(host) ? undefined : host.provider,
        isOpaque: opened.isOpaque === true,
      };
    },
  });
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}
