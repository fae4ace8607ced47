/** The form of audit links: pure, for whoever checks them. */
export { CALL_NAMES, COVERED, coveredKeys, coverOf, LINK_FORM, linkHash, NO_LINK, sealOf, wellFormed } from "./link.ts";
export type { CoveredKeys, KeyList, LinkHead, Said } from "./link.ts";
