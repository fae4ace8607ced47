/**
 * Puts the gate into `query` of `@anthropic-ai/claude-agent-sdk`. The process is started when there is money for it, so the
 * app gets the query at once and its messages when it runs: what it asks of the query until then waits. Where the app lets go of
 * it, the rest is read here, because the process works on and its report is to come.
 */
import { context } from "@opentelemetry/api";
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { registeredGate } from "../gate/registry.ts";
import type { LoadedFunctions } from "../registration/loaded-report.ts";
import { replaceFunction } from "../registration/replace-function.ts";
import { AgentRun } from "./agent-run.ts";
import { withPromptsSeen } from "./prompts.ts";
import { ToolHooks } from "./tool-hooks.ts";
import { refusePrewarm, startLater } from "./start-ahead.ts";

type Query = AsyncGenerator<unknown, void> & Readonly<Record<string, unknown>>;
type StartQuery = (params: Body) => Query;

export function patchClaudeAgent(functions: LoadedFunctions): boolean {
  const ask = (query: (params: unknown) => unknown) => (params: unknown) => {
    const gate = registeredGate();
    if (gate === undefined) return query(params);
    const given = asBody(params) ?? {};
    const options = asBody(given["options"]) ?? {};
    const abortController =
      options["abortController"] instanceof AbortController ? options["abortController"] : new AbortController();
    const { maxBudgetUsd } = options;
    const run = new AgentRun({
      gate,
      maxBudgetUsd: typeof maxBudgetUsd === "number" && maxBudgetUsd > 0 ? maxBudgetUsd : undefined,
      model: asText(options["model"]),
      abort: (reason) => abortController.abort(reason),
    });
    const tools = new ToolHooks(run.context);
    const start = async (): Promise<Query> => {
      const bound = await run.admit();
      const hooks = tools.with(asBody(options["hooks"]));
      const budget = bound === undefined ? {} : { maxBudgetUsd: bound };
      const prompt = withPromptsSeen(given["prompt"], () => run.prompted());
      const sent = { ...given, prompt, options: { ...options, ...budget, hooks, abortController } };
      try {
        return context.with(run.context, () => (query as StartQuery)(sent));
      } catch (problem) {
        run.neverStarted(problem);
        throw problem;
      }
    };
    return watched(start(), { run, tools });
  };
  const query = functions["query"]?.[0];
  if (typeof query !== "function") return false;
  const gated = ask(query as (params: unknown) => unknown);
  replaceFunction(functions, "startup", (startup) => startLater(startup, gated));
  replaceFunction(functions, "prewarm", refusePrewarm);
  return replaceFunction(functions, "query", () => gated);
}

interface Watch {
  readonly run: AgentRun;
  readonly tools: ToolHooks;
}

/** Nobody reads it but us. */
async function readOn(starting: Promise<Query>, { run, tools }: Watch): Promise<void> {
  try {
    for await (const message of await starting) run.read(message);
    run.done();
  } catch (problem) {
    run.end(run.stopped ?? problem);
  }
  tools.end();
}

const readerOf = (starting: Promise<Query>, watch: Watch) => () => void readOn(starting, watch);

/** The query as the app has it, from now on. */
function watched(starting: Promise<Query>, watch: Watch): Query {
  const { run, tools } = watch;
  // Whoever reads the messages gets the refusal.
  starting.catch(() => {});
  const end = (error?: unknown): void => {
    tools.end();
    run.end(error);
  };
  const step = async (take: (query: Query) => Promise<IteratorResult<unknown, void>>) => {
    try {
      const next = await take(await starting);
      if (run.stopped !== undefined) throw run.stopped;
      if (next.done === true) {
        run.done();
        tools.end();
      } else run.read(next.value);
      return next;
    } catch (problem) {
      const error = run.stopped ?? problem;
      end(error);
      throw error;
    }
  };
  const own: Record<string | symbol, unknown> = {
    next: (...value: [] | [unknown]) => step((query) => query.next(...value)),
    return: async (value: unknown) => {
      const query = await starting.catch(() => undefined);
      const last = await query?.return(value as undefined);
      end();
      return last ?? { done: true, value };
    },
    throw: (error: unknown) => step((query) => query.throw(error)),
    close: () => {
      void starting.then(
        (query) => {
          (query["close"] as (() => void) | undefined)?.();
          end();
        },
        () => {},
      );
    },
    [Symbol.asyncIterator]: () => proxy,
    [Symbol.asyncDispose]: async () => void (await proxy.return(undefined)),
  };
  const proxy = new Proxy(own, {
    get: (target, name) => {
      if (name in target || typeof name === "symbol" || name === "then") return target[name];
      // Everything else that a query has is asked of the process.
      return async (...given: unknown[]) => {
        const query = await starting;
        if (name === "streamInput") given[0] = withPromptsSeen(given[0], () => run.prompted());
        return (query[name] as (...given: unknown[]) => unknown)(...given);
      };
    },
  }) as unknown as Query;
  run.awaitReader(proxy, readerOf(starting, watch));
  return proxy;
}
