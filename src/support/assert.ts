/** A broken invariant: a fault of this program, never of its input. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Stops before something wrong is written. `message` says what must hold. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(`invariant broken: ${message}`);
}

/** Marks the end of an exhaustive switch. */
export function unreachable(value: never, what: string): never {
  throw new InvariantError(`unknown ${what}: ${JSON.stringify(value)}`);
}
