import { errorText } from "./error-text.ts";

/** What TLS of Node says of a certificate whose authority it does not know. */
const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Why a server could not be reached, and of a private authority where it is to be named. */
export function reachText(error: unknown): string {
  const text = errorText(error);
  return isOfUnknownAuthority(error) ? `${text}: name its authority's file in \`NODE_EXTRA_CA_CERTS\`` : text;
}

function isOfUnknownAuthority(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { readonly code?: unknown };
  return (typeof code === "string" && UNKNOWN_AUTHORITY.has(code)) || isOfUnknownAuthority(error.cause);
}
