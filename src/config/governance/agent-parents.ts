import { ANCESTORS_MAX, parentOf } from "../../policy/registry.ts";

/**
 * What is wrong with whom an agent acts for; `undefined`: nothing. Its parents' policies bind it, so a circle would bind nobody, and a
 * line of parents is read to its end.
 */
export function parentsProblem(agent: string, parents: ReadonlyMap<string, string | undefined>): string | undefined {
  const line = [agent];
  for (
    let above = parentOf(agent, parents.get(agent));
    above !== undefined;
    above = parentOf(above, parents.get(above))
  ) {
    line.push(above);
    if (above === agent) return `the parents lead back to it: ${line.join(" → ")}`;
    if (line.indexOf(above) < line.length - 1) return undefined;
    if (line.length > ANCESTORS_MAX + 1) return `more than ${ANCESTORS_MAX} agents are above it`;
  }
  return undefined;
}
