import { z } from "zod";

/** The name of a document: unique within its kind. */
export const documentName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, {
  error: "expected 1 to 128 letters, digits, `.`, `_`, `/` or `-`, starting with a letter or digit",
});

/** The value of a label: what a process may claim and a budget may match. */
export const labelText = z.string().min(1).max(256);
