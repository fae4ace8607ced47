/** A budget in tool calls over a real gate, the real API and ledger: no span is sent, so what counts here counts at once. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { guardTool } from "../../../instrumentation/src/guard/guard-tool.ts";
import { ToolGate } from "../../../instrumentation/src/guard/tool-gate.ts";
import { registerToolGate } from "../../../instrumentation/src/guard/tool-registry.ts";
import { createHttpTransport } from "../../../instrumentation/src/lease/http-transport.ts";
import { type GatedProcess, startGatedProcess } from "../../support/gated-process.ts";
import { Reserver } from "./reserver.ts";

let directory: string;
let on: Reserver;
let gated: GatedProcess;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-tool-calls-"));
  on = await Reserver.start({ directory, limit: "2 tool calls" });
  const transport = createHttpTransport({ endpoint: new URL(on.url), apiKey: undefined });
  gated = startGatedProcess({ env: { TOLLGATE_ENDPOINT: on.url }, transport });
  registerToolGate(new ToolGate(gated.gate));
});

afterEach(async () => {
  registerToolGate(undefined);
  await gated.stop();
  await on.stop();
  rmSync(directory, { recursive: true });
});

it("counts the first calls of a process although no word of the ledger has come yet, and refuses the one too many", async () => {
  let ran = 0;
  const look = guardTool("look_up", async () => (ran += 1));
  expect(gated.gate.leases?.hello).toBeUndefined();
  const first = await Promise.allSettled([look(), look(), look()]);
  expect(first.map(({ status }) => status).sort()).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(first.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "budget_exceeded" } });
  expect(ran).toBe(2);
  await gated.gate.leases?.close();
  expect([on.budget().settled, on.budget().reserved]).toEqual([2n, 0n]);
});
