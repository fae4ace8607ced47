/**
 * One gated call in each format that a program can have, on this Node. The oldest and newest libraries are in matrix.test.ts; the
 * whole matrix is run by `node scripts/generate-compatibility.ts`, which writes docs/compatibility.md.
 */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startScriptedProvider } from "../support/scripted-provider.ts";
import type { ScriptedProvider } from "../support/scripted-provider.ts";
import { agentFolder, COMMON_JS, ESM, FORMATS, IN_APP, LIBRARIES } from "./agents.ts";
import { runCell } from "./run-cell.ts";

/** They have tests of their own (process.test.ts). */
const ELSEWHERE = [ESM, COMMON_JS, IN_APP];

let folder: string;
let provider: ScriptedProvider;

beforeAll(async () => {
  folder = agentFolder();
  provider = await startScriptedProvider();
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await provider.close();
});

const [openai] = LIBRARIES;

describe("a call is held before it is sent", () => {
  it.each(FORMATS.filter((format) => !ELSEWHERE.includes(format)).map((format) => [format.name, format] as const))(
    "in %s",
    async (_name, format) => {
      if (openai === undefined) throw new Error("the list of libraries is empty");
      expect(await runCell({ format, library: openai, folder, node: process.execPath }, provider)).toBe(
        format.expected,
      );
    },
  );
});
