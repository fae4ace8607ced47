/** Which clients are gated, and by what: all of them once the process is registered, and each that `guard()` wraps. */
import type { CallGuard } from "./call-guard.ts";
import type { Gate } from "./gate.ts";

let processGate: Gate | undefined;
let guardGate: Gate | undefined;
const guards = new WeakMap<object, CallGuard>();

export interface Gating {
  readonly gate: Gate;
  readonly guard: CallGuard | undefined;
}

const gatedPackages = new Set<string>();

/** A copy of this package has the gate in it. */
export function markGated(name: string): void {
  gatedPackages.add(name);
}

export function isGatedPackage(name: string): boolean {
  return gatedPackages.has(name);
}

/** From now on every client passes `gate`. */
export function registerGate(gate: Gate | undefined): void {
  processGate = gate;
}

export function registeredGate(): Gate | undefined {
  return processGate;
}

/** From now on `client` passes `guard` as well; `makeGate` is called when the process is not registered. */
export function guardClient(client: object, guard: CallGuard, makeGate: () => Gate): void {
  if (processGate === undefined) guardGate ??= makeGate();
  guards.set(client, guard);
}

export function guardOf(client: object): CallGuard | undefined {
  return guards.get(client);
}

/** `undefined`: this client is not gated. */
export function gatingOf(client: object): Gating | undefined {
  const guard = guards.get(client);
  if (processGate !== undefined) return { gate: processGate, guard };
  return guard === undefined || guardGate === undefined ? undefined : { gate: guardGate, guard };
}
