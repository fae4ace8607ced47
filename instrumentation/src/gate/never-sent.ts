/** Codes of failures that happen before a request can leave: nobody can have billed it. */
const NEVER_SENT: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_INVALID_ARG",
  "ERR_INVALID_URL",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

const CAUSES_MAX = 8;

/** True when the request can't have reached the provider. Anything else (reset, time-out, abort) may have been billed. */
export function wasNeverSent(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < CAUSES_MAX && typeof current === "object" && current !== null; depth += 1) {
    if ("code" in current && NEVER_SENT.has(current.code)) return true;
    if (current instanceof AggregateError && current.errors.length > 0 && current.errors.every(wasNeverSent))
      return true;
    current = "cause" in current ? current.cause : undefined;
  }
  return false;
}
