/**
 * Hosts of model providers, as data: what is sent there is a model call unless the table says that it is free. Extended by
 * TOLLGATE_PROVIDERS, by the base URLs that SDKs read from the environment, and by `egress.providers` of an agent's document.
 * Which dialect a request speaks is told by its path (dialects.ts), on these hosts and on any other.
 */
import type { ProviderBase } from "../config/providers.ts";
import { Provider } from "../semconv.ts";

export interface ProviderHost {
  /** `gen_ai.provider.name`. */
  readonly provider: string;
  /** Lower case; `*` stands for anything but a slash. With `:port` only that port. */
  readonly hosts: readonly string[];
  /** An OpenAI-compatible API that takes `max_tokens` only, refuses fields it does not know and counts streams unasked. */
  readonly isStrict?: boolean;
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
  { provider: "x_ai", hosts: ["api.x.ai"] },
  { provider: "together", hosts: ["api.together.xyz", "api.together.ai"] },
  { provider: "fireworks", hosts: ["api.fireworks.ai"] },
  { provider: "openrouter", hosts: ["openrouter.ai"] },
  { provider: "perplexity", hosts: ["api.perplexity.ai"], isStrict: true },
  { provider: "cerebras", hosts: ["api.cerebras.ai"] },
  { provider: "moonshot_ai", hosts: ["api.moonshot.ai", "api.moonshot.cn"] },
  {
    provider: Provider.ollama,
    hosts: ["localhost:11434", "127.0.0.1:11434", "[::1]:11434", "ollama:11434", "ollama.com"],
  },
];

/** What costs nothing, or is no call of a model: files, stores, counting, moderation, tokens of a session. */
const FREE_PATHS = [
  /\/(?:files|uploads|vector_stores|moderations|conversations|assistants|containers)(?:\/|$)/,
  // A run calls a model: of a thread, of a thread that comes with it, of an evaluation.
  /\/threads(?:$|\/(?!runs(?:\/|$))[^/]+(?:$|\/messages))/,
  /\/evals(?:$|\/[^/]+(?:$|\/runs\/))/,
  /\/(?:count_tokens|input_tokens|tokenize|detokenize|token)$/,
  /:(?:countTokens|computeTokens)$/,
  /\/(?:cancel|client_secrets|sessions)$/,
  // Bedrock lists what is in a session by POST.
  /^\/sessions\/[^/]+\/invocation(?:s|Steps)$/,
  /\/api\/(?:pull|push|create|copy|show|delete|blobs|me)(?:\/|$)/,
];

/** Names that users choose may be words of the API. */
const CHOSEN_NAMES = /\/(?:deployments|projects|locations)\/[^/]+/g;

/** Reading and deleting cost nothing with any provider in the table; a socket that is opened by GET may. */
export function isFree(method: string, path: string, isUpgrade: boolean): boolean {
  if (isUpgrade) return false;
  if (method !== "POST") return true;
  const plain = path.replaceAll(CHOSEN_NAMES, "");
  return FREE_PATHS.some((pattern) => pattern.test(plain));
}

interface CompiledHost {
  readonly row: ProviderHost;
  readonly pattern: RegExp;
}

const COMPILED: readonly CompiledHost[] = PROVIDER_HOSTS.flatMap((row) =>
  row.hosts.map((host) => ({ row, pattern: hostPattern(host) })),
);

/** By host, for hosts that were asked for before: every request of the process is looked up. */
const known = new Map<string, ProviderHost | undefined>();
const KNOWN_MAX = 1_024;

/** Whose API a URL belongs to; `undefined`: not one that is known by its host. */
export function providerOf(url: URL, bases: readonly ProviderBase[]): ProviderHost | undefined {
  // A dot at the end of a name only says that it is whole.
  const host = url.host.replace(/\.(?=$|:)/, "");
  for (const { provider, base } of bases) {
    if (host === base.host && url.pathname.startsWith(base.pathname)) return rowOf(provider);
  }
  if (known.has(host)) return known.get(host);
  const hostname = url.hostname.replace(/\.$/, "");
  const row = COMPILED.find(({ pattern }) => pattern.test(host) || pattern.test(hostname))?.row;
  if (known.size < KNOWN_MAX) known.set(host, row);
  return row;
}

/** The table's row for a provider, by either spelling of its name. */
function rowOf(provider: string): ProviderHost {
  return PROVIDER_HOSTS.find((row) => row.provider === provider) ?? { provider, hosts: [] };
}

function hostPattern(host: string): RegExp {
  const escaped = host.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll("*", "[^/]*");
  return new RegExp(`^${escaped}$`, "i");
}
