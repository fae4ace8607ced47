import { DETECTOR_NAMES, patternDetector } from "@tollgate/instrumentation/redaction";
import { z } from "zod";
import { globSchema } from "../../config/expression.ts";
import { secretSchema } from "../../config/secret.ts";

/** Headers that carry credentials, as HTTP instrumentations and the Vercel AI SDK name them. */
export const DEFAULT_KEYS = [
  "*.header{,s}.{authorization,proxy-authorization,cookie,set-cookie,x-api-key,api-key}",
] as const;
const HASH_KEY_LENGTH_MIN = 16;
const PATTERNS_MAX = 100;

const regexSchema = z
  .string()
  .min(1)
  .max(1_024)
  .superRefine((regex, context) => {
    try {
      patternDetector("pattern", regex);
    } catch (error) {
      const message = error instanceof Error ? error.message : "not a regular expression";
      context.addIssue({ code: "custom", message: `not an expression that RE2 accepts: ${message}` });
    }
  });

const patternSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/, { error: "expected lower-case letters, digits and `_`" })
    .describe("Stands in the place of what was found: `[name]`."),
  regex: regexSchema.describe("In RE2's syntax: no look-around, no back-references. `(?i)` in front ignores case."),
});

/** `processors.redact` of tollgate.yaml. */
export const redactProcessorConfig = z.strictObject({
  content: z
    .enum(["drop", "hash", "keep"])
    .default("drop")
    .describe("Prompts, answers, tool arguments and results, in every dialect."),
  keys: z
    .array(globSchema)
    .default([...DEFAULT_KEYS])
    .describe("Attributes that are dropped, by globs over their keys."),
  hash_keys: z.array(globSchema).default([]).describe("Attributes whose values are replaced by their keyed hash."),
  allowed_keys: z
    .array(globSchema)
    .optional()
    .describe("With it, every attribute whose key does not match is dropped."),
  ignored_keys: z.array(globSchema).default([]).describe("Attributes that are left as they are, content too."),
  detectors: z.array(z.enum(DETECTOR_NAMES)).default([]).describe("What is looked for in values."),
  patterns: z.array(patternSchema).max(PATTERNS_MAX).default([]).describe("What else is looked for in values."),
  action: z
    .enum(["mask", "hash", "drop"])
    .default("mask")
    .describe("What is done with a finding: `[email]` in its place, its keyed hash, or no attribute at all."),
  hash_key: secretSchema
    .refine((secret) => secret.reveal().length >= HASH_KEY_LENGTH_MIN, {
      error: `expected at least ${HASH_KEY_LENGTH_MIN} characters`,
    })
    .optional()
    .describe(
      "Key of the hashes, the same for all replicas; write it as `${env:NAME}`. Without it, the data directory's own.",
    ),
});

export type RedactProcessorConfig = z.output<typeof redactProcessorConfig>;
