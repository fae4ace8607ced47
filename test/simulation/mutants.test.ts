/**
 * Goal: the simulation finds mistakes, so that its silence means something.
 * Method: the same seeds over rules with one deliberate mistake each, put in as they are loaded; every one must fail.
 * `TOLLGATE_SIM_MUTATIONS=all` runs them all; else every third.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { MUTANTS } from "./mutants.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const isAll = process.env["TOLLGATE_SIM_MUTATIONS"] === "all";
const chosen = MUTANTS.filter((_mutant, index) => isAll || index % 3 === 0);

it.each(chosen)("finds the mistake that $name", { timeout: 600_000 }, ({ name, seeds, store }) => {
  const run = spawnSync(
    process.execPath,
    ["--import", path("./mutate.ts"), path("./run.ts"), ...seeds.map(String), store ?? "local"],
    {
      env: { ...process.env, TOLLGATE_SIM_MUTANT: name },
      encoding: "utf8",
    },
  );
  expect(run.stdout).toMatch(/^seed \d+/);
  expect(run.status).toBe(1);
});
