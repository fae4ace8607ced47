import { describe } from "vitest";
import { runSeeds } from "./seeds.ts";

describe("a simulated fleet (odd seeds)", () => {
  runSeeds(1);
});
