/**
 * Who acts in a run of `@openai/agents`: the agent of the turn, with those that handed over to it before as its parents. The
 * SDK's functions below see a turn only by what it has made for it: the list of its tools, and its run's context.
 */
import { currentContext, withContext } from "../context/context.ts";
import type { Enter } from "../context/framework-session.ts";
import { asBody, asText } from "../gate/endpoint.ts";

interface Turn {
  readonly agents: readonly string[];
  readonly session: string | undefined;
  readonly workflow: string | undefined;
}

const NAME_LENGTH_MAX = 64;

const agentsOfRun = new WeakMap<object, readonly string[]>();
const turns = new WeakMap<object, Turn>();

/** Remembers a turn of the run `state` under `marks`. */
export function rememberTurn(state: unknown, marks: readonly unknown[]): void {
  const run = asBody(state);
  const name = nameOf(asBody(run?.["_currentAgent"])?.["name"]);
  if (run === undefined || name === "") return;
  const before = agentsOfRun.get(run) ?? [];
  // A run that is handed back is where it was.
  const agents = before.includes(name) ? before.slice(0, before.indexOf(name) + 1) : [...before, name];
  agentsOfRun.set(run, agents);
  const trace = asBody(run["_trace"]);
  const turn: Turn = { agents, session: asText(trace?.["groupId"]), workflow: asText(trace?.["name"]) };
  for (const mark of marks) if (typeof mark === "object" && mark !== null) turns.set(mark, turn);
}

/** Enters the context of the turn that `mark` was made for. */
export function enterTurn(mark: unknown, conversation: string | undefined): Enter {
  const turn = typeof mark === "object" && mark !== null ? turns.get(mark) : undefined;
  return (work) => {
    const outer = currentContext();
    const session = outer.session ?? turn?.session ?? conversation;
    const workflow = outer.workflow ?? turn?.workflow;
    const ids = { ...(session !== undefined && { session }), ...(workflow !== undefined && { workflow }) };
    const inAgents = (turn?.agents ?? []).reduceRight<() => ReturnType<typeof work>>(
      (inner, agent) => () => withContext({ agent }, inner),
      work,
    );
    return session === undefined && workflow === undefined ? inAgents() : withContext(ids, inAgents);
  };
}

/** Names are free text here. */
function nameOf(name: unknown): string {
  return (asText(name) ?? "").trim().slice(0, NAME_LENGTH_MAX);
}
