/**
 * Writes docs/configuration.md's tables and docs/schemas/*.json from the schemas that the processor reads its files with.
 * `node scripts/generate-config-reference.ts` after a change; a test proves that they are fresh.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { configReference } from "../test/support/config-reference.ts";

const root = join(import.meta.dirname, "..");
for (const [file, text] of Object.entries(configReference())) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}
