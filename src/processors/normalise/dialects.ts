import { KeyMemo } from "../../pdata/key-memo.ts";
import type { Attributes } from "../../pdata/span.ts";
import type { Dialect } from "./dialect.ts";
import { adk } from "./dialects/adk.ts";
import { langfuse } from "./dialects/langfuse.ts";
import { langsmith } from "./dialects/langsmith.ts";
import { litellm } from "./dialects/litellm.ts";
import { mastra } from "./dialects/mastra.ts";
import { mlflow } from "./dialects/mlflow.ts";
import { openinference } from "./dialects/openinference.ts";
import { openlit } from "./dialects/openlit.ts";
import { openllmetry } from "./dialects/openllmetry.ts";
import { vercelAi } from "./dialects/vercel-ai.ts";

/**
 * All dialects, in the order in which they are believed where a span speaks several: whoever made the call before
 * whoever passed it on (processors of OpenInference and Langfuse add their own attributes to spans of the AI SDK).
 */
export const DIALECTS: readonly Dialect[] = [
  vercelAi,
  openinference,
  litellm,
  langsmith,
  openllmetry,
  openlit,
  langfuse,
  mlflow,
  adk,
  mastra,
];

interface Mark {
  readonly prefix: string;
  /** Place in `DIALECTS`, as a bit. */
  readonly bit: number;
}

/** Prefixes by the code of their first letter, which rules out most keys of most spans. */
const MARKS: readonly (readonly Mark[] | undefined)[] = Array.from({ length: 128 }, (_, code) => {
  const marks = DIALECTS.flatMap(({ prefixes }, place) =>
    prefixes.filter((prefix) => prefix.charCodeAt(0) === code).map((prefix) => ({ prefix, bit: 1 << place })),
  );
  return marks.length === 0 ? undefined : marks;
});

const NONE: readonly Dialect[] = [];

const spoken = new KeyMemo((all): readonly Dialect[] => {
  let bits = 0;
  for (const key of all.keys()) {
    const marks = MARKS[key.charCodeAt(0)];
    if (marks === undefined) continue;
    for (const { prefix, bit } of marks) {
      if (key.startsWith(prefix)) bits |= bit;
    }
  }
  return bits === 0 ? NONE : DIALECTS.filter((_, place) => (bits & (1 << place)) !== 0);
});

/** The dialects that a span speaks, in the table's order; mostly none. */
export function dialectsOf(attributes: Attributes): readonly Dialect[] {
  return spoken.of(attributes);
}
