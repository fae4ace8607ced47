/** What compiling and evaluating a syntax tree share. */
import type * as Cel from "@marcbachmann/cel-js";
import { childrenOf } from "./engine.ts";
import type { CelFunction } from "./functions.ts";
import type { Meter } from "./meter.ts";

/** One evaluation. */
export interface Frame {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly meter: Meter;
  /** Variables of macros, by their depth. */
  readonly locals: unknown[];
}

export type Evaluate = (frame: Frame) => unknown;

/** The macros around a node. */
export interface Scope {
  /** Name of a variable → depth of its macro. */
  readonly depths: ReadonlyMap<string, number>;
  readonly depth: number;
  /** Quick ways to variables (`model`) and to their members (`tool.name`) that are always there. */
  readonly paths: ReadonlyMap<string, Evaluate>;
  /** What this language has beside the functions of all. */
  readonly functions: ReadonlyMap<string, CelFunction>;
}

export type CompileNode = (node: Cel.ASTNode, scope: Scope) => Evaluate;

/** A tree that has no meaning here; `at` is its place in the source. */
export class UnsupportedNode extends Error {
  override readonly name = "UnsupportedNode";
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

export function countNodes(node: Cel.ASTNode): number {
  let nodes = 1;
  for (const child of childrenOf(node.args)) nodes += countNodes(child);
  return nodes;
}

/** What it costs to throw and to catch, in units of work. */
export const ERROR_UNITS = 5_000;
