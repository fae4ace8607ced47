/**
 * Whose call it is, over all who started its agent. The label `ancestors` names them, the first one first, so that a budget
 * or a kill that means an agent holds for everything done on its behalf. Names are percent-encoded and parted by commas:
 * `planner,researcher`. The list is a claim that can only add: leaving it out of a call is possible only to who could lie
 * about the agent itself. Pure; the gate, the ledger and the processor read it by the same code.
 */

type Labels = Readonly<Record<string, string>>;

export const ANCESTORS_LABEL = "ancestors";
export const ANCESTORS_MAX = 16;
/** As long as a label's value may be on the wire. */
export const ANCESTORS_LENGTH_MAX = 512;

/** The names in the label's text, the first ancestor first; at most `ANCESTORS_MAX`, what is no name is left out. */
export function parseAncestors(text: string): readonly string[] {
  const names: string[] = [];
  const whole = text.length <= ANCESTORS_LENGTH_MAX;
  const parts = text.slice(0, ANCESTORS_LENGTH_MAX).split(",");
  // The rest of a name that was cut might be another agent's.
  for (const part of whole ? parts : parts.slice(0, -1)) {
    const name = decode(part);
    if (name !== "" && !names.includes(name)) names.push(name);
    if (names.length === ANCESTORS_MAX) break;
  }
  return names;
}

/** The label's text; `undefined` when it is more than fits. */
export function ancestorsText(names: readonly string[]): string | undefined {
  if (names.length > ANCESTORS_MAX) return undefined;
  const text = names.map((name) => encodeURIComponent(name.toWellFormed())).join(",");
  return text.length > ANCESTORS_LENGTH_MAX ? undefined : text;
}

/** The agent of a call and all its ancestors; none for a call without an agent. */
export function agentChain(labels: Labels): readonly string[] {
  const own = Object.hasOwn(labels, "agent") ? labels["agent"] : undefined;
  const text = Object.hasOwn(labels, ANCESTORS_LABEL) ? labels[ANCESTORS_LABEL] : undefined;
  if (text === undefined || text === "") return own === undefined ? [] : [own];
  const ancestors = parseAncestors(text);
  return own === undefined ? ancestors : [own, ...ancestors.filter((name) => name !== own)];
}

/** The values that a pattern on `label` may match: for `agent` all of the chain. */
export function valuesOf(labels: Labels, label: string): readonly string[] {
  if (label === "agent") return agentChain(labels);
  const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
  return value === undefined ? [] : [value];
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part.trim());
  } catch {
    return "";
  }
}
