import { expect, it } from "vitest";
import { csvCell } from "../../../src/cli/agents.ts";

it.each(["=1+1", " =1+1", "\uff1d1+1", "+1", "@a", "-1", "\t=1"])("makes no formula of %j in a sheet", (value) => {
  expect(csvCell(value).startsWith(`"'`)).toBe(true);
});

it("leaves a name that is none", () => {
  expect(csvCell('say "hi" a=b')).toBe('"say ""hi"" a=b"');
});
