/**
 * What travels with the work, over calls to other services and into child processes: on behalf of which agents, in which
 * session and workflow. Two carriers, one form: entries of W3C baggage, in a header or in the environment variable BAGGAGE.
 *
 * Whoever receives it believes it only where it narrows: an agent in it adds that agent's budgets and kills to the call,
 * and nothing in it takes one away. What is too long, or no name, is left out; a chain of agents that does not fit is
 * marked as such, and calls under it are refused, because cutting it would lose a budget.
 */
import { ANCESTORS_LENGTH_MAX, ancestorsText, parseAncestors } from "../policy/agent-chain.ts";

export interface Carried {
  /** Each once, the first one first, the one that acts among them. */
  readonly agents: readonly string[];
  readonly session: string | undefined;
  readonly workflow: string | undefined;
  /** The chain did not fit somewhere on its way. */
  readonly isTooDeep: boolean;
}

export const NOTHING_CARRIED: Carried = { agents: [], session: undefined, workflow: undefined, isTooDeep: false };

export const AGENTS_ENTRY = "tollgate.agents";
const SESSION_ENTRY = "tollgate.session";
const WORKFLOW_ENTRY = "tollgate.workflow";
export const CARRIED_ENTRIES = [AGENTS_ENTRY, SESSION_ENTRY, WORKFLOW_ENTRY] as const;

/** A list of no names: no chain is written so. */
const TOO_DEEP = ",";
const ID_LENGTH_MAX = 256;

export function readCarried(entry: (name: string) => string | undefined): Carried {
  const text = entry(AGENTS_ENTRY) ?? "";
  return {
    agents: parseAncestors(text),
    session: readId(entry(SESSION_ENTRY)),
    workflow: readId(entry(WORKFLOW_ENTRY)),
    isTooDeep: text === TOO_DEEP || text.length > ANCESTORS_LENGTH_MAX,
  };
}

export function carriedEntries({ agents, session, workflow, isTooDeep }: Carried): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  const text = isTooDeep ? undefined : ancestorsText(agents);
  if (text !== "") entries.set(AGENTS_ENTRY, text ?? TOO_DEEP);
  if (readId(session) !== undefined) entries.set(SESSION_ENTRY, session ?? "");
  if (readId(workflow) !== undefined) entries.set(WORKFLOW_ENTRY, workflow ?? "");
  return entries;
}

function readId(value: string | undefined): string | undefined {
  const isId = value !== undefined && value !== "" && value.length <= ID_LENGTH_MAX && !/\p{Cc}/u.test(value);
  return isId ? value : undefined;
}
