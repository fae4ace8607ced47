/**
 * The tool gate as hooks of a query: before a tool of the process runs, it asks here. A hook that fails blocks the tool
 * (`onFailure`), and a Claude Code that does not know that is refused by the SDK itself when the query starts.
 */
import { context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { ErrorCode, findTollgateError } from "../errors.ts";
import { asArray, asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import type { ToolGate } from "../guard/tool-gate.ts";
import { registeredToolGate } from "../guard/tool-registry.ts";
import * as semconv from "../semconv.ts";

type Hook = (input: unknown, toolUseId: string | undefined) => Promise<Body>;

/** Decisions may wait for a person. */
const TIMEOUT_S = 3_600;
const TOLD: ReadonlySet<string> = new Set([ErrorCode.toolDenied, ErrorCode.approvalPending, ErrorCode.approvalDenied]);

export class ToolHooks {
  readonly #parent: Context;
  /** Tools that run in the process now. */
  readonly #running = new Map<string, { readonly done: () => void; readonly failed: (error: Error) => void }>();

  constructor(parent: Context) {
    this.#parent = parent;
  }

  /** The app's hooks, with ours before them. */
  with(hooks: Body | undefined): Body {
    const matcher = (hook: Hook, more: object = {}) => ({ hooks: [hook], ...more });
    return {
      ...hooks,
      PreToolUse: [
        matcher((input) => this.#before(asBody(input) ?? {}), { onFailure: "block", timeout: TIMEOUT_S }),
        ...asArray(hooks?.["PreToolUse"]),
      ],
      PostToolUse: [matcher((input) => this.#after(input, undefined)), ...asArray(hooks?.["PostToolUse"])],
      PostToolUseFailure: [
        matcher((input) => this.#after(input, new ToolFailed())),
        ...asArray(hooks?.["PostToolUseFailure"]),
      ],
    };
  }

  /** What still runs when the process has ended has failed. */
  end(): void {
    for (const { failed } of this.#running.values()) failed(new ToolFailed());
    this.#running.clear();
  }

  #before(input: Body): Promise<Body> {
    const gate = registeredToolGate();
    if (gate === undefined) return Promise.resolve({});
    const decide = context.bind(this.#parent, () => this.#decide(gate, input));
    return new Promise((resolve) => {
      decide().then(resolve, (problem: unknown) => resolve(refusal(problem)));
    });
  }

  /** Resolves with no opinion as soon as the gate lets the tool run: the app's own permissions stay what they are. */
  #decide(gate: ToolGate, input: Body): Promise<Body> {
    const id = asText(input["tool_use_id"]) ?? "";
    return new Promise((resolve, reject) => {
      const run = (): Promise<void> => {
        resolve({});
        return new Promise((done, failed) => this.#running.set(id, { done, failed }));
      };
      const call = async () =>
        gate.call({
          name: asText(input["tool_name"]) ?? "",
          options: {},
          parameters: [input["tool_input"]],
          run,
          attributes: { [semconv.ATTR_GEN_AI_TOOL_CALL_ID]: id },
        });
      call().catch(reject);
    });
  }

  #after(input: unknown, failure: Error | undefined): Promise<Body> {
    const id = asText(asBody(input)?.["tool_use_id"]) ?? "";
    const running = this.#running.get(id);
    this.#running.delete(id);
    if (failure === undefined) running?.done();
    else running?.failed(failure);
    return Promise.resolve({});
  }
}

/** What went wrong is the process's own affair, and may quote what the tool has read. */
class ToolFailed extends Error {}

function refusal(problem: unknown): Body {
  const error = findTollgateError(problem);
  const reason = error?.message ?? "the gate failed inside";
  return {
    hookSpecificOutput: {
      hookEventName: "PreToolUse",
      permissionDecision: "deny",
      permissionDecisionReason: reason,
    },
    // A kill or a budget ends the run; what a policy denies is told to the model.
    ...(error !== undefined && TOLD.has(error.code) ? {} : { continue: false, stopReason: reason }),
  };
}
