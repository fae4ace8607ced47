/**
 * What an image of a request can make of input at the most, by the model that reads it. OpenAI scales an image down before it
 * counts it, so the dearest image of a model has a documented count. A model that is not here has none that is known:
 * its images are bounded by its whole context, as sound and files are.
 */
import { asArray, asBody, asText } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";

/**
 * Tiles: at most 2048 × 768 pixels, so 8 of 512 × 512, beside a base. Patches: at most 1,536 of 32 × 32, times the model's factor.
 * gpt-4.1 was documented as both, so the dearer stands. Billed at the rate of text.
 * https://platform.openai.com/docs/guides/images-vision#calculating-costs (as of 2025-07; newer families count otherwise). Bills that people
 * have published agree: gpt-4.1-mini 1,536 × 1.62 = 2,488 for an image over the cap, gpt-4o-mini 2,833 and 5,667 a tile
 * (https://community.openai.com/t/vision-pricing-calculator-inaccurate-resizing-rounding-vs-api-costs/1281361,
 * https://community.openai.com/t/vision-more-than-one-way-to-send-a-request-undocumented-and-different-pricing-realized/1262691).
 */
const TILES_MAX = 8;
const PATCHES_MAX = 1_536;
const tiles = (base: number, each: number): number => base + TILES_MAX * each;
const patches = (factor: number): number => Math.ceil(PATCHES_MAX * factor);

const BOUNDS: readonly { readonly of: RegExp; readonly tokens: number }[] = [
  { of: /^gpt-4o-mini(?:-\d{4}-\d{2}-\d{2})?$/, tokens: tiles(2_833, 5_667) },
  { of: /^gpt-4o(?:-\d{4}-\d{2}-\d{2})?$/, tokens: tiles(85, 170) },
  { of: /^gpt-4\.1(?:-\d{4}-\d{2}-\d{2})?$/, tokens: Math.max(tiles(85, 170), patches(1)) },
  { of: /^gpt-4\.1-mini(?:-\d{4}-\d{2}-\d{2})?$/, tokens: patches(1.62) },
  { of: /^gpt-4\.1-nano(?:-\d{4}-\d{2}-\d{2})?$/, tokens: patches(2.46) },
  { of: /^o4-mini(?:-\d{4}-\d{2}-\d{2})?$/, tokens: patches(1.72) },
];

/** Tokens of one image at the most; `undefined`: nobody has said. */
export function imageTokensMax(model: string): number | undefined {
  return BOUNDS.find(({ of }) => of.test(model))?.tokens;
}

const DETAILS: ReadonlySet<unknown> = new Set([undefined, "low", "high", "auto"]);

/** A body without its images, and how many those are. */
export interface WithoutImages {
  readonly body: Body;
  readonly images: number;
}

/** Takes the images out of the messages of a chat: their bytes tell nothing of their tokens. */
export function withoutImages(body: Body): WithoutImages {
  const given = asArray(body["messages"]);
  if (!haveParts(given)) return { body, images: 0 };
  let images = 0;
  const messages = given.map((message) => {
    const content = asBody(message)?.["content"];
    if (!Array.isArray(content)) return message;
    const kept = content.filter((part) => !isImage(part));
    images += content.length - kept.length;
    return kept.length === content.length ? message : { ...asBody(message), content: kept };
  });
  return images === 0 ? { body, images } : { body: { ...body, messages }, images };
}

/** Nearly all messages are one text. */
function haveParts(messages: readonly unknown[]): boolean {
  for (const message of messages) if (Array.isArray(asBody(message)?.["content"])) return true;
  return false;
}

/** An image by its address or its bytes, to be looked at as it is documented; `original` is newer than that. */
function isImage(part: unknown): boolean {
  const { type, image_url: image } = asBody(part) ?? {};
  const { url, detail } = asBody(image) ?? {};
  return type === "image_url" && asText(url) !== undefined && DETAILS.has(detail);
}
