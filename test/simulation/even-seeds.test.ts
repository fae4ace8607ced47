import { describe } from "vitest";
import { runSeeds } from "./seeds.ts";

describe("a simulated fleet (even seeds)", () => {
  runSeeds(0);
});
