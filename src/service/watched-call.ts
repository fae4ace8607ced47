/** A span as the rules against runaways see it. Of arguments there is a digest only; nothing of content is kept. */
import { createHash } from "node:crypto";
import { agentChain, ANCESTORS_LABEL } from "@tollgate/instrumentation/policy";
import {
  ATTR_GEN_AI_TOOL_CALL_ARGUMENTS,
  ATTR_TOLLGATE_TOOL_ARGUMENTS_DIGEST,
} from "@tollgate/instrumentation/semconv";
import { AttributeKey } from "../pdata/attribute-key.ts";
import { textAttribute } from "../pdata/attribute-read.ts";
import type { Span } from "../pdata/span.ts";
import { endUnixMs } from "../pdata/span-times.ts";
import type { WatchedCall } from "../runaway/runaway-watch.ts";
import { shortKey } from "../support/short-key.ts";

const DIGEST = AttributeKey.of(ATTR_TOLLGATE_TOOL_ARGUMENTS_DIGEST);
const ARGUMENTS = AttributeKey.of(ATTR_GEN_AI_TOOL_CALL_ARGUMENTS);

/** `undefined` for spans that are no call to a model or a tool. */
export function watchedCall(span: Span, receivedUnixMs: number): WatchedCall | undefined {
  const { facts } = span;
  const kind = facts.costStatus !== "" ? "model" : facts.operation === "execute_tool" ? "tool" : undefined;
  if (kind === undefined) return undefined;
  const isSession = facts.session !== "";
  return {
    kind,
    labels: facts.labels,
    agent: facts.agent,
    // A call outside of any other span is one of many of its process: its trace separates nothing.
    run: isSession ? facts.session : span.parentSpanId === "" ? "" : span.traceId,
    isSession,
    // A clock that is ahead must not open minutes that are yet to come.
    atMs: Math.min(endUnixMs(span), receivedUnixMs),
    nanoUsd: facts.costNanoUsd,
    tool: facts.tool,
    digest: kind === "tool" ? toolDigest(span) : facts.inputTokens === 0 ? "" : shortKey(facts.model),
    usage: kind === "tool" ? undefined : facts,
    depth: depthOf(facts.labels),
  };
}

/** The tool and its arguments. Without arguments nothing tells one call from another. */
function toolDigest({ facts, attributes }: Span): string {
  const digest = textAttribute(attributes, DIGEST);
  if (digest !== "") return shortKey(`${facts.tool} ${digest}`);
  const written = textAttribute(attributes, ARGUMENTS);
  return written === "" ? "" : shortKey(`${facts.tool} ${createHash("sha256").update(written).digest("base64url")}`);
}

/** Agents on whose behalf a call is made; hardly any is made on another's. */
function depthOf(labels: Span["facts"]["labels"]): number {
  return labels[ANCESTORS_LABEL] === undefined ? 0 : Math.max(0, agentChain(labels).length - 1);
}
