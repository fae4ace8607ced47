/** Which URLs of one's own are model providers. */
import type { Environment } from "./config.ts";
import { Provider } from "../semconv.ts";

/** All URLs that begin with `base` are that provider's. */
export interface ProviderBase {
  /** `gen_ai.provider.name`. */
  readonly provider: string;
  readonly base: URL;
}

/** What the SDKs themselves read. */
const BASE_URL_VARIABLES: Readonly<Record<string, string>> = {
  OPENAI_BASE_URL: Provider.openai,
  AZURE_OPENAI_ENDPOINT: Provider.azureOpenai,
  ANTHROPIC_BASE_URL: Provider.anthropic,
  GOOGLE_GEMINI_BASE_URL: Provider.gcpGemini,
  GROQ_BASE_URL: "groq",
  OLLAMA_HOST: "ollama",
};

/** TOLLGATE_PROVIDERS, `openai=https://llm.example/v1, mistral_ai=http://10.0.0.5:8080`; then the variables of SDKs. */
export function readProviders(env: Environment, problems: string[]): readonly ProviderBase[] {
  const bases: ProviderBase[] = [];
  for (const entry of (env["TOLLGATE_PROVIDERS"] ?? "").split(",")) {
    if (entry.trim() === "") continue;
    const split = entry.indexOf("=");
    const found = split < 1 ? undefined : providerBase(entry.slice(0, split).trim(), entry.slice(split + 1).trim());
    if (found === undefined) {
      problems.push(`TOLLGATE_PROVIDERS: \`${entry.trim()}\` is not \`provider=https://host/path\``);
    } else bases.push(found);
  }
  for (const [name, provider] of Object.entries(BASE_URL_VARIABLES)) {
    const found = providerBase(provider, env[name]?.trim() ?? "");
    // A wrong one is the SDK's to report.
    if (found !== undefined) bases.push(found);
  }
  return bases;
}

/** Before the settings are read: what is wrong in them is told then. */
export function providersAtStart(settings: Environment): readonly ProviderBase[] {
  return readProviders({ ...process.env, ...settings }, []);
}

const HOSTNAME = /^[\w.:[\]-]+$/;

/** A URL, or a host with or without a port and a path. */
export function providerBase(provider: string, text: string): ProviderBase | undefined {
  if (text === "" || provider === "") return undefined;
  const base = URL.parse(/^https?:\/\//.test(text) ? text : `http://${text}`);
  // Of several in a row only commas make more than one.
  return base === null || !HOSTNAME.test(base.hostname) ? undefined : { provider, base };
}
