import { expect, it } from "vitest";
import { opaqueEndpoint } from "../../../../instrumentation/src/wire/opaque.ts";

const usage = (output: number) => ({ prompt_tokens: 7, completion_tokens: output, total_tokens: 7 + output });
const chunk = (output: number, reason: string | null) => ({
  choices: [{ index: 0, delta: { content: "a" }, finish_reason: reason }],
  usage: usage(output),
});

it.each([
  ["imagen-4.0-generate-001", { instances: [{}], parameters: { sampleCount: 3 } }, 3],
  ["imagen-4.0-generate-001", { instances: [{}] }, 4],
  ["amazon.titan-image-generator-v2:0", { imageGenerationConfig: { numberOfImages: 5 } }, 5],
  [undefined, { model: "flux", n: 2, num_images: 6 }, 6],
  [undefined, { model: "flux", n: 0 }, 1],
])("counts the pictures that %s is asked for with %j", (model, body, pieces) => {
  expect(opaqueEndpoint("openai", model).readRequest(body)).toMatchObject({ pieces });
});

it("takes a count of the chunks so far for none of the whole answer", () => {
  const reader = opaqueEndpoint("openai", undefined).streamReader({});
  for (const event of [chunk(1, null), chunk(2, null)]) expect(reader.read(event)).toBe(event);
  expect(reader.facts().usage).toBeUndefined();
  reader.read(chunk(3, "stop"));
  expect(reader.facts().usage).toMatchObject({ input: 7, output: 3 });
});

it("shows the app the count that it has in a chunk of its own", () => {
  const reader = opaqueEndpoint("openai", undefined).streamReader({});
  const event = { choices: [], usage: usage(5) };
  expect(reader.read(event)).toBe(event);
  expect(reader.facts().usage).toMatchObject({ output: 5 });
});

it("reads the count of a response's last event, and of messages", () => {
  const counted = { input_tokens: 4, output_tokens: 9 };
  for (const event of [{ type: "response.completed", response: { usage: counted } }, { usage: counted }]) {
    const reader = opaqueEndpoint("openai", undefined).streamReader({});
    reader.read(event);
    expect(reader.facts().usage).toMatchObject({ input: 4, output: 9 });
  }
});
