/**
 * The chain from what a model asks for to what is done: the call's span names the tool calls that its answer proposes, and the
 * span of a tool's decision names the proposal that it comes from: by the model's own id where the library passes it on, else by
 * the same tool and the same arguments in the same session. Digests only; no contents.
 */
import type { Span } from "@opentelemetry/api";
import { argumentsDigest } from "../policy/canonical-json.ts";
import * as semconv from "../semconv.ts";
import type { Who } from "./call-span.ts";
import type { ProposedCall } from "./proposed-calls.ts";

interface Proposal {
  readonly id: string;
  readonly spanId: string;
}

/** Proposals that are remembered; the oldest are forgotten. */
const PROPOSALS_MAX = 4_096;

const byId = new Map<string, Proposal>();
const byArguments = new Map<string, Proposal>();
/** Tools that run without the model's id. */
const unnamed = new WeakMap<Span, string>();

/** On the span of a call of a model, when its answer has been read; or again and again, with more of it each time. */
export function recordProposals(span: Span, who: Who, calls: readonly ProposedCall[]): void {
  if (calls.length === 0) return;
  const digests = calls.map(({ input }) => argumentsDigest(parsed(input)) ?? "");
  span.setAttributes({
    [semconv.ATTR_TOLLGATE_PROPOSED_TOOLS]: calls.map(({ name }) => name),
    [semconv.ATTR_TOLLGATE_PROPOSED_CALL_IDS]: calls.map(({ id }) => id),
    [semconv.ATTR_TOLLGATE_PROPOSED_ARGUMENTS_DIGESTS]: digests,
  });
  const { spanId } = span.spanContext();
  for (const [index, { id, name }] of calls.entries()) {
    const proposal = { id, spanId };
    // Told before: it may have been run by now.
    if (id !== "" && byId.get(`${id}\n${name}`)?.spanId === spanId) continue;
    if (id !== "") remember(byId, `${id}\n${name}`, proposal);
    const digest = digests[index] ?? "";
    if (digest !== "") remember(byArguments, `${placeOf(who, name)}\n${digest}`, proposal);
  }
}

/** On the span of a tool's decision, when it starts. `id`: the model's, where it is known. */
export function linkToProposal(
  span: Span,
  who: Who,
  { name, id }: { readonly name: string; readonly id: unknown },
): void {
  if (typeof id !== "string" || id === "") {
    unnamed.set(span, placeOf(who, name));
    return;
  }
  const proposal = byId.get(`${id}\n${name}`);
  if (proposal !== undefined) span.setAttribute(semconv.ATTR_TOLLGATE_TOOL_PROPOSED_BY, proposal.spanId);
}

/** When the arguments have been looked at: each proposal is for one run. */
export function linkByArguments(span: Span, digest: string): void {
  const place = unnamed.get(span);
  if (place === undefined) return;
  unnamed.delete(span);
  const key = `${place}\n${digest}`;
  const proposal = byArguments.get(key);
  if (proposal === undefined) return;
  byArguments.delete(key);
  span.setAttribute(semconv.ATTR_TOLLGATE_TOOL_PROPOSED_BY, proposal.spanId);
  if (proposal.id !== "") span.setAttribute(semconv.ATTR_GEN_AI_TOOL_CALL_ID, proposal.id);
}

function remember(proposals: Map<string, Proposal>, key: string, proposal: Proposal): void {
  proposals.delete(key);
  proposals.set(key, proposal);
  if (proposals.size <= PROPOSALS_MAX) return;
  const [oldest] = proposals.keys();
  if (oldest !== undefined) proposals.delete(oldest);
}

function placeOf({ agent, context }: Who, tool: string): string {
  return `${agent}\n${context.session ?? ""}\n${tool}`;
}

/** Arguments as the tool gets them. */
function parsed(input: unknown): unknown {
  if (typeof input !== "string") return input;
  try {
    return JSON.parse(input === "" ? "{}" : input);
  } catch {
    return input;
  }
}
