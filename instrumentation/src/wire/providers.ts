/**
 * Hosts of model providers, as data: what is sent there is a model call unless the table says that it is free. Extended by
 * TOLLGATE_PROVIDERS, by the base URLs that SDKs read from the environment, and by `egress.providers` of an agent's document.
 * Which dialect a request speaks is told by its path (dialects.ts), on these hosts and on any other.
 */
import type { ProviderBase } from "../config/providers.ts";
import { Provider } from "../semconv.ts";
import { mayBeModelPath, mayRunModel, modelPath } from "./model-path.ts";
import { OTHER_HOSTS } from "./other-hosts.ts";

export interface ProviderHost {
  /** `gen_ai.provider.name`. */
  readonly provider: string;
  /** Lower case; `*` stands for anything but a slash. With `:port` only that port. */
  readonly hosts: readonly string[];
  /** An OpenAI-compatible API that takes `max_tokens` only, refuses fields it does not know and counts streams unasked. */
  readonly isStrict?: boolean;
  /** Where models are run, of a host that does more; of the path as it is read (model-path.ts). Absent: everywhere but where it is free. */
  readonly paths?: RegExp;
  /** The model that a path names, as the first group. */
  readonly model?: RegExp;
  /** Or one of these headers. */
  readonly modelHeaders?: readonly string[];
  /** Models that talk to nobody, too: what has no prompt is no call of a model. */
  readonly servesOthers?: boolean;
}

export const PROVIDER_HOSTS: readonly ProviderHost[] = [
  { provider: Provider.openai, hosts: ["api.openai.com", "*.api.openai.com"] },
  {
    provider: Provider.azureOpenai,
    hosts: [
      "*.openai.azure.com",
      "*.openai.azure.us",
      "*.openai.azure.cn",
      "*.services.ai.azure.com",
      "*.cognitiveservices.azure.com",
    ],
  },
  { provider: Provider.anthropic, hosts: ["api.anthropic.com"] },
  { provider: Provider.gcpGemini, hosts: ["generativelanguage.googleapis.com"] },
  {
    provider: Provider.gcpVertexAi,
    hosts: ["aiplatform.googleapis.com", "*-aiplatform.googleapis.com", "aiplatform.*.rep.googleapis.com"],
  },
  {
    provider: Provider.awsBedrock,
    hosts: [
      "bedrock-runtime*.amazonaws.com",
      "bedrock-runtime*.amazonaws.com.cn",
      "bedrock-runtime*.api.aws",
      // Endpoints inside a VPC. https://docs.aws.amazon.com/bedrock/latest/userguide/vpc-interface-endpoints.html
      "*.bedrock-runtime*.vpce.amazonaws.com",
      "bedrock-mantle*.api.aws",
      // Agents, flows and knowledge bases, which call models of their own and tell no usage.
      // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Agents_for_Amazon_Bedrock_Runtime.html
      "bedrock-agent-runtime*.amazonaws.com",
      "bedrock-agent-runtime*.amazonaws.com.cn",
      "bedrock-agent-runtime*.api.aws",
      "*.bedrock-agent-runtime*.vpce.amazonaws.com",
    ],
  },
  { provider: Provider.mistralAi, hosts: ["api.mistral.ai", "codestral.mistral.ai"], isStrict: true },
  { provider: Provider.cohere, hosts: ["api.cohere.com", "api.cohere.ai"], isStrict: true },
  { provider: Provider.groq, hosts: ["api.groq.com"] },
  { provider: "deepseek", hosts: ["api.deepseek.com"] },
  { provider: "x_ai", hosts: ["api.x.ai", "*.api.x.ai"] },
  { provider: "together", hosts: ["api.together.xyz", "api.together.ai"] },
  { provider: "fireworks", hosts: ["api.fireworks.ai"] },
  { provider: "openrouter", hosts: ["openrouter.ai", "*.openrouter.ai"] },
  { provider: "perplexity", hosts: ["api.perplexity.ai"], isStrict: true },
  { provider: "cerebras", hosts: ["api.cerebras.ai"] },
  { provider: "moonshot_ai", hosts: ["api.moonshot.ai", "api.moonshot.cn"] },
  // Nothing else is known to listen there, and it does on whatever machine has the memory.
  { provider: Provider.ollama, hosts: ["*:11434", "ollama.com"] },
];

/** What costs nothing, or is no call of a model, with any provider: counting, tokens of a session, orders to stop, looks at what is made. */
const FREE_PATHS: readonly RegExp[] = [
  /\/(?:count_tokens|count-tokens|input_tokens|tokenize|detokenize|token)$/,
  /:(?:countTokens|computeTokens)$/,
  // Of a Claude on Vertex AI.
  /\/models\/count-tokens:rawPredict$/,
  /[/:]cancel$/,
  /\/client_secrets$/,
  /:fetchPredictOperation$/,
];

/** The API that most others are made after: files, stores, moderation. */
const FREE_LIKE_OPENAI: readonly RegExp[] = [
  /\/(?:files|uploads|vector_stores|moderations|conversations|assistants|skills|vaults|webhook_endpoints|organization)(?:\/|$)/,
  /\/containers\/[^/]+\/files(?:\/|$)/,
  // A run calls a model: of a thread, of a thread that comes with it, of an evaluation.
  /\/threads(?:$|\/(?!runs(?:\/|$))[^/]+(?:$|\/messages))/,
  /\/evals(?:$|\/[^/]+(?:$|\/runs\/))/,
  // Tokens for a session that somebody else opens. The sessions of agents and of `live` begin to work with this request.
  /\/(?:realtime|chatkit)\/(?:transcription_)?sessions$/,
  // The end of a call by telephone, here at least.
  /\/(?:realtime\/calls|live\/sessions)\/[^/]+\/(?:hangup|reject|refer)$/,
  /\/(?:fine_tuning\/jobs|agents\/automations)\/[^/]+\/pause$/,
  /\/graders\/validate$/,
  // Notes on an answer that is stored.
  /\/chat\/completions\/chatcmpl[-_][^/]+$/,
  /\/(?:audio\/voice_consents|roles)(?:\/|$)/,
];

/** Names, texts about them and who may see them. What is put into a library is read by a model. */
const MISTRAL_LIBRARIES = /\/v1\/libraries\/[^/]+(?:\/share|\/documents\/[^/]+)?$/;

/**
 * The same word is free with one provider and a model at work with another: Mistral answers at `conversations` and bills `moderations`.
 * Who is not here has an API like OpenAI's.
 */
const FREE_PATHS_OF: Readonly<Record<string, readonly RegExp[]>> = {
  [Provider.anthropic]: [
    /\/v1\/(?:files|skills|user_profiles)(?:\/|$)/,
    // Nothing of them runs before a session does.
    /\/v1\/(?:agents|environments|vaults|memory_stores|organizations|tunnels)(?:\/|$)/,
    // Of a session only its events are answered.
    /\/v1\/sessions\/[^/]+(?:$|\/(?:archive|resources|threads\/[^/]+\/archive)(?:\/|$))/,
    /\/v1\/(?:deployments|dreams)\/[^/]+\/(?:archive|pause)$/,
  ],
  // What is put into a store is read by a model.
  [Provider.gcpGemini]: [/\/files(?:[/:]|$)/, /\/(?:auth_tokens|fileSearchStores)$/],
  [Provider.gcpVertexAi]: [],
  // Sessions are memory; what is in one is listed by POST.
  [Provider.awsBedrock]: [
    /^\/sessions(?:\/[^/]+)?$/,
    /^\/sessions\/[^/]+\/invocation(?:s|Steps(?:\/[^/]+)?)$/,
    /^\/(?:openai\/)?v1\/(?:files|conversations)(?:\/|$)/,
  ],
  [Provider.mistralAi]: [/\/v1\/files(?:\/|$)/, /\/v1\/(?:agents|client\/sessions)$/, MISTRAL_LIBRARIES],
  [Provider.cohere]: [],
  [Provider.ollama]: [/\/api\/(?:pull|push|create|copy|show|delete|blobs|me)(?:\/|$)/, ...FREE_LIKE_OPENAI],
};

/** Keeping what is stored for longer costs money by the hour. https://ai.google.dev/gemini-api/docs/caching */
const PAID_CHANGES = /\/cachedContents\/[^/]+$/;

/** Names that users choose may be words of the API. */
const CHOSEN_NAMES = /\/(deployments|projects|locations)\/[^/]+/g;

export interface RequestPlace {
  readonly method: string;
  readonly path: string;
  /** `gen_ai.provider.name`. */
  readonly provider: string;
  readonly isUpgrade: boolean;
}

/**
 * Reading and deleting cost nothing with any provider in the table; a socket that is opened by GET may. PATCH changes what is stored; what
 * any other method does is what POST would do there.
 */
export function isFree({ method, path, provider, isUpgrade }: RequestPlace): boolean {
  if (isUpgrade) return false;
  if (!mayRunModel(method)) return true;
  if (method === "PATCH") return !PAID_CHANGES.test(path) && !mayBeModelPath(path);
  const plain = path.replaceAll(CHOSEN_NAMES, "/$1/-");
  const own = Object.hasOwn(FREE_PATHS_OF, provider) ? FREE_PATHS_OF[provider] : FREE_LIKE_OPENAI;
  return [...FREE_PATHS, ...(own ?? [])].some((pattern) => pattern.test(plain));
}

interface CompiledHost {
  readonly row: ProviderHost;
  readonly pattern: RegExp;
}

const COMPILED: readonly CompiledHost[] = [...PROVIDER_HOSTS, ...OTHER_HOSTS].flatMap((row) =>
  row.hosts.map((host) => ({ row, pattern: hostPattern(host) })),
);

/** Whether a host is a provider's, whatever is asked of it. */
export function isOfProvider(url: URL, bases: readonly ProviderBase[]): boolean {
  return bases.some(({ base }) => base.host === url.host) || providerOf(url, []) !== undefined;
}

/** By host, for hosts that were asked for before: every request of the process is looked up. */
const known = new Map<string, ProviderHost | undefined>();
const KNOWN_MAX = 1_024;

/** Whose API a URL belongs to; `undefined`: not one that is known by its host. */
export function providerOf(url: URL, bases: readonly ProviderBase[]): ProviderHost | undefined {
  // A dot at the end of a name only says that it is whole.
  const host = url.host.replace(/\.(?=$|:)/, "");
  for (const { provider, base } of bases) {
    if (host === base.host && isBelow(url.pathname, base.pathname)) return rowOf(provider);
  }
  const row = known.has(host) ? known.get(host) : rowAt(host, url.hostname.replace(/\.$/, ""));
  if (known.size < KNOWN_MAX) known.set(host, row);
  return row?.paths === undefined || row.paths.test(modelPath(url.pathname)) ? row : undefined;
}

/** Whether what is sent there in a form that is known is read as on any other host. */
export function isReadAsAnywhere(row: ProviderHost): boolean {
  return OTHER_HOSTS.includes(row);
}

function rowAt(host: string, hostname: string): ProviderHost | undefined {
  return COMPILED.find(({ pattern }) => pattern.test(host) || pattern.test(hostname))?.row;
}

function isBelow(path: string, base: string): boolean {
  return path.startsWith(base) || modelPath(path).startsWith(base);
}

/** The table's row for a provider, by either spelling of its name. */
function rowOf(provider: string): ProviderHost {
  return PROVIDER_HOSTS.find((row) => row.provider === provider) ?? { provider, hosts: [] };
}

function hostPattern(host: string): RegExp {
  const escaped = host.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll("*", "[^/]*");
  return new RegExp(`^${escaped}$`, "i");
}
