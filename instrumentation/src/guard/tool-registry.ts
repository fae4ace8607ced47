import type { ToolGate } from "./tool-gate.ts";

let processToolGate: ToolGate | undefined;

export function registerToolGate(toolGate: ToolGate | undefined): void {
  processToolGate = toolGate;
}

export function registeredToolGate(): ToolGate | undefined {
  return processToolGate;
}
