/**
 * What a call costs more where the app says in which part of the world it is served: the price book knows one price of a model.
 * OpenAI takes a tenth more for models from 5 March 2026 on (developers.openai.com/api/docs/guides/data-residency), Vertex AI for
 * Claude from Sonnet 4.5 on (platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai); read 2026-11. Which models do not
 * cost more is listed, not which do: one that is newer than the list costs an estimate that may be a tenth too high, never too low.
 * Regions of Bedrock are in the names of its inference profiles, those of Anthropic's own API are a tier (`inference_geo`).
 */
import { LEGACY_PROVIDERS } from "../semconv-legacy.ts";
import { Provider } from "../semconv.ts";

interface Region {
  /** The price book's id. */
  readonly provider: string;
  readonly hosts: RegExp;
  /** Models that cost the same everywhere. */
  readonly usual: RegExp;
}

/** As Vertex AI names a model in full, which says where it is served. */
const LOCATION = /^projects\/[^/]+\/locations\/([^/]+)\//i;
const VERTEX: Region = {
  provider: "google",
  hosts: /^(?:[a-z\d-]+-aiplatform|aiplatform\.[a-z\d-]+\.rep)\.googleapis\.com$/i,
  usual:
    /^(?!claude-|gemini-)|^claude-(?:[23]|instant|4-(?:opus|sonnet)|(?:opus|sonnet)-4(?:-[01])?(?:[@-]\d{8}|$))|^gemini-(?:[12]|live-2|flash-1|pro(?:-1|-vision|$)|embedding-001)/i,
};
const REGIONS: readonly Region[] = [
  {
    provider: "openai",
    hosts: /^[a-z\d-]+\.api\.openai\.com$/i,
    usual:
      /^(?:ft:)?(?:gpt-[34]|gpt-5(?:\.[1-3])?(?:-|$)|gpt-(?:image-1|realtime|audio)(?:-mini)?(?:-\d{4}|$)|gpt-image-1\.5|gpt-oss-|chatgpt-|o[1-4](?:-|$)|text-|tts-|whisper-|dall-e|davinci|babbage|codex-mini|computer-use)/i,
  },
  VERTEX,
];

/** What senders call Vertex AI, in lower case. */
const vertexNames: ReadonlySet<string> = new Set([
  Provider.gcpVertexAi,
  ...Object.entries(LEGACY_PROVIDERS).flatMap(([old, name]) => (name === Provider.gcpVertexAi ? [old] : [])),
]);

/** How one provider serves a model at its own price. */
interface Served {
  /** The price book's id. */
  readonly provider: string;
  /** As the sender wrote it. */
  readonly named: string;
  readonly model: string;
  /** "": nobody said. */
  readonly host: string;
}

/** Whether a model costs more because of the region it is served from, as far as anybody can tell. */
export function isDearerByRegion(served: Served): boolean {
  const region = regionOf(served);
  if (region === undefined) return false;
  const { model } = served;
  return !region.usual.test(model.slice(model.lastIndexOf("/") + 1).trim());
}

/** Vertex AI has no usual region: each call is made in one, or in all, and where nobody said in which it may be one. */
function regionOf({ provider, named, model, host }: Served): Region | undefined {
  if (provider === VERTEX.provider) {
    const location = LOCATION.exec(model)?.[1];
    if (location !== undefined) return location.toLowerCase() === "global" ? undefined : VERTEX;
    if (host === "") return vertexNames.has(named.trim().toLowerCase()) ? VERTEX : undefined;
  }
  return host === "" ? undefined : REGIONS.find((each) => each.provider === provider && each.hosts.test(host));
}
