import { expect, it } from "vitest";
import { asReceived } from "../../../../instrumentation/src/stainless/serialised.ts";

const BODY = { model: "m", n: 2 };

it("reads what an app has written itself as the server does, and of a view no more than is in it", () => {
  const text = JSON.stringify(BODY);
  const bytes = new TextEncoder().encode(`..${text}..`);
  const view = bytes.subarray(2, -2);
  for (const body of [text, Buffer.from(text), view, view.slice().buffer]) expect(asReceived(body)).toEqual(BODY);
  expect(asReceived(bytes)).toBeUndefined();
});
