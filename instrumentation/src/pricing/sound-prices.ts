/** What sound costs at models of which the price book has the price of text alone. */

/** Nano-dollars per million tokens. */
export interface SoundPrice {
  readonly input: bigint;
  readonly output: bigint;
}

const DOLLAR = 1_000_000_000n;

/**
 * OpenAI's models that hear and speak, by how their names begin; whoever serves them. The first that fits holds.
 * https://developers.openai.com/api/docs/models/gpt-4o-audio-preview and its neighbours, read 2026-11; the first snapshot cost more.
 */
const SOUND: readonly (readonly [begins: RegExp, input: bigint, output: bigint])[] = [
  [/(?:^|\/)gpt-4o-audio-preview-2024-10-01/i, 100n, 200n],
  [/(?:^|\/)gpt-4o-mini-audio/i, 10n, 20n],
  [/(?:^|\/)gpt-4o-audio/i, 40n, 80n],
  [/(?:^|\/)gpt-audio-mini/i, 10n, 20n],
  [/(?:^|\/)gpt-audio/i, 32n, 64n],
];

/** By the name that the call had. `undefined`: of this model it is not known that sound costs anything else than text. */
export function soundPriceOf(model: string): SoundPrice | undefined {
  const found = SOUND.find(([begins]) => begins.test(model));
  if (found === undefined) return undefined;
  const [, input, output] = found;
  return { input: input * DOLLAR, output: output * DOLLAR };
}
