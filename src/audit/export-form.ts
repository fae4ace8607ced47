/** The second word of an audit export. */
export const EXPORT_FORM = "tollgate-audit-export-2";
/** What was written before, with records as maps; read still. */
export const EXPORT_FORM_BEFORE = "tollgate-audit-export-1";

/** A link is in the checkpoint after it; so much later that is at the most, but for an outage. Exports reach so far. */
export const SIGNED_AFTER_MS_MAX = 86_400_000;
