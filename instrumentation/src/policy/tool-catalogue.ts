/**
 * What is known of tools: `kind: tool` documents of the fleet, and what the code of an agent says of its own. Where both
 * speak, the stricter holds: labels, systems and actions add up. A tool that nobody declared gets the strictest facts, once
 * anybody declared any: nobody may slip past a rule on labels by being new. Pure.
 */
import type { LabelOrder } from "./label.ts";
import { REVERSIBILITIES, TOOL_ACTIONS } from "./request.ts";
import type { Reversibility, ToolFacts } from "./request.ts";
import { foldToolName } from "./tool-name.ts";

/** What a document or a program says of a tool. */
export interface ToolDeclaration {
  readonly labels?: readonly string[] | undefined;
  readonly systems?: readonly string[] | undefined;
  readonly actions?: readonly string[] | undefined;
  readonly reversibility?: Reversibility | undefined;
  /** Of its description and schema, as `toolFingerprint` makes it. */
  readonly fingerprint?: string | undefined;
}

export interface NamedToolDeclaration extends ToolDeclaration {
  readonly name: string;
}

const READING: readonly string[] = ["read", "execute"];

/** The system of a tool that nobody declared: it may be any. */
export const ANY_SYSTEM = "*";

export class ToolCatalogue {
  readonly #tools: ReadonlyMap<string, NamedToolDeclaration>;
  readonly #strictest: Required<Pick<ToolFacts, "labels" | "systems" | "actions" | "reversibility">>;

  constructor(declarations: readonly NamedToolDeclaration[], labels: LabelOrder) {
    this.#tools = new Map(declarations.map((declaration) => [foldedName(declaration.name), declaration]));
    this.#strictest = {
      labels: [labels.level(labels.levels.length - 1)],
      systems: [ANY_SYSTEM],
      actions: TOOL_ACTIONS,
      reversibility: "irreversible",
    };
  }

  get names(): readonly string[] {
    return [...this.#tools.values()].map(({ name }) => name);
  }

  declared(name: string): NamedToolDeclaration | undefined {
    return this.#tools.get(foldedName(name));
  }

  /** Never throws. `own` is what the program says of its tool. */
  factsOf(name: string, own: ToolDeclaration = {}): ToolFacts {
    const declared = this.declared(name);
    const isDeclared = declared !== undefined || Object.values(own).some((value) => value !== undefined);
    if (!isDeclared) return { name, isKnown: false, ...(this.#tools.size > 0 ? this.#strictest : {}) };
    const reversibility = worst(declared?.reversibility, own.reversibility);
    return {
      name,
      isKnown: true,
      labels: union(declared?.labels, own.labels),
      systems: union(declared?.systems, own.systems),
      actions: union(declared?.actions, own.actions),
      ...(reversibility === undefined ? {} : { reversibility }),
    };
  }
}

/** What a session has read once the tool ran: nothing of one that is declared to only write or send. */
export function labelsReadBy({ actions = [], labels = [] }: ToolFacts): readonly string[] {
  const isReading = actions.length === 0 || actions.some((action) => READING.includes(action));
  return isReading ? labels : [];
}

function foldedName(name: string): string {
  const outcome = foldToolName(name);
  return outcome.ok ? outcome.folded : name;
}

function union(left: readonly string[] = [], right: readonly string[] = []): readonly string[] {
  return right.length === 0 ? left : [...new Set([...left, ...right])];
}

function worst(left: Reversibility | undefined, right: Reversibility | undefined): Reversibility | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return REVERSIBILITIES.indexOf(left) >= REVERSIBILITIES.indexOf(right) ? left : right;
}
