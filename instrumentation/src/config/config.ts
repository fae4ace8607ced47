/**
 * The settings of one agent process, read from the environment once. A wrong value never stops the app's own start: it is
 * printed, and because the user meant to be gated, calls then throw `ConfigInvalid` (see `Gate`).
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { getEnvironmentData } from "node:worker_threads";
import type { SpanContext } from "@opentelemetry/api";
import { readCarried } from "../context/carried.ts";
import type { ProcessContext } from "../context/context.ts";
import { parseBaggage, parseTraceContext } from "../context/environment-carrier.ts";
import { ANCESTORS_LABEL, ancestorsText } from "../policy/agent-chain.ts";
import { parseUsd } from "../pricing/money.ts";
import type { NanoUsd } from "../pricing/money.ts";
import { LOG_LEVELS } from "./logger.ts";
import type { LogLevel } from "./logger.ts";
import { WAIT_MS_DEFAULT } from "../lease/purse.ts";
import type { UnknownEgress } from "../protocol.ts";
import { readProviders } from "./providers.ts";
import type { ProviderBase } from "./providers.ts";
import { Secret } from "../redaction/secret.ts";

export const DEFAULT_ENDPOINT = "http://127.0.0.1:4320";
export const DEFAULT_OTLP_ENDPOINT = "http://127.0.0.1:4318";
/** The most that the end of a process is delayed, and the most that one export of spans may take. */
export const FLUSH_TIMEOUT_MS = 5_000;
/** Where nobody announced a processor, a script must not end seconds later for the want of one: one try, no retry. */
const UNANNOUNCED_EXPORT_MS = 500;
/** What of OTEL_* is read here; the rest wants `sdk-node`. */
const PLAIN_OTEL = /^OTEL_(?:SERVICE_NAME|RESOURCE_ATTRIBUTES|SDK_DISABLED|TRACES_EXPORTER|EXPORTER_OTLP_.*)$/;
const DEFAULT_AGENT = "agent";
const SPOOL_BYTES_MAX_DEFAULT = 256 * 1024 * 1024;
const CONTENT_BYTES_MAX_DEFAULT = 64 * 1024;
const WAIT_MS_MAX = 600_000;
const APPROVAL_WAIT_MS_MAX = 86_400_000;

export interface Config {
  /** TOLLGATE_AGENT, else OTEL_SERVICE_NAME, else `agent`. */
  readonly agent: string;
  readonly serviceName: string;
  /** The control API; `undefined` is `off`: local budgets and policies only. */
  readonly endpoint: URL | undefined;
  /** TOLLGATE_ENDPOINT or TOLLGATE_API_KEY was set on purpose, so that an absent processor is a failure, not a laptop without one. */
  readonly expectsProcessor: boolean;
  readonly apiKey: Secret | undefined;
  readonly budget: NanoUsd | undefined;
  readonly fallback: string | undefined;
  /** Path of a local policy file. */
  readonly policyPath: string | undefined;
  /** Where the fleet's policies are kept for processes that find no processor: TOLLGATE_CACHE_DIR; `undefined` is `off`. */
  readonly cacheDir: string | undefined;
  /** `undefined`: closed under a hard limit, else open (D8). */
  readonly failMode: "closed" | "open" | undefined;
  /** How long a call waits for money that others have reserved and not spent. */
  readonly waitMs: number;
  /** How long a tool that needs an approval waits for it before `ApprovalPending`; 0: not at all. */
  readonly approvalWaitMs: number;
  /** How the input of a call is bounded: by its bytes, or by its model's tokenizer where that is known. */
  readonly reserve: "strict" | "tokenizer" | undefined;
  /** What becomes of requests that are no known model call: TOLLGATE_UNKNOWN_EGRESS; `undefined`: as the fleet says, else `observe`. */
  readonly unknownEgress: UnknownEgress | undefined;
  /** Model providers under URLs of one's own: TOLLGATE_PROVIDERS, and the base URLs that SDKs read. */
  readonly providers: readonly ProviderBase[];
  readonly content: "none" | "redacted" | "full";
  /** TOLLGATE_CONTENT_KEY: what is found in redacted content is replaced by its hash under this key. */
  readonly contentKey: Secret | undefined;
  /** TOLLGATE_CONTENT_PATTERNS: what else is looked for, by name, in RE2's syntax. */
  readonly contentPatterns: Readonly<Record<string, string>>;
  /** TOLLGATE_CONTENT_BYTES_MAX: how long one attribute of content may be. */
  readonly contentBytesMax: number;
  readonly logLevel: LogLevel;
  /** What the process claims of itself: OTEL_RESOURCE_ATTRIBUTES. */
  readonly labels: Readonly<Record<string, string>>;
  /** Who started the process, in which session (BAGGAGE), and what becomes of baggage (TOLLGATE_BAGGAGE). */
  readonly context: ProcessContext;
  /** Whether child processes and worker threads are gated too: TOLLGATE_CHILDREN. */
  readonly gatesChildren: boolean;
  /** The span that the process was started in: TRACEPARENT. */
  readonly startedIn: SpanContext | undefined;
  /** False when OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER=none, or nothing to send spans to. */
  readonly exportsSpans: boolean;
  /** OTEL_METRICS_EXPORTER or OTEL_LOGS_EXPORTER asks for them: `sdk-node` reads the rest itself. */
  readonly exportsMetrics: boolean;
  readonly exportsLogs: boolean;
  /** Something of OTEL_* is set that only the whole SDK understands (samplers, propagators, limits, detectors, files). */
  readonly needsSdk: boolean;
  /** Where spans go: the whole URL, with `/v1/traces`. */
  readonly tracesUrl: string;
  /** OTEL_EXPORTER_OTLP_PROTOCOL, where it asks for another one than HTTP with Protobuf, which is all that is spoken. */
  readonly otherProtocol: string | undefined;
  /** Somebody said where spans go, so that losing some is a failure, not a laptop without a processor. */
  readonly announcesReceiver: boolean;
  /** How long the exporter tries one batch, its own retries included. */
  readonly exportTimeoutMs: number;
  /** Where spans wait that nobody takes: TOLLGATE_SPOOL_DIR, and how much room an agent's may take: TOLLGATE_SPOOL_BYTES_MAX. */
  readonly spoolDirectory: string | undefined;
  readonly spoolBytesMax: number;
  /** OTEL_EXPORTER_OTLP_HEADERS, and the agent's key when spans go to the processor's own host. Secret. */
  readonly tracesHeaders: ReadonlyMap<string, Secret>;
  /** Every wrong setting, each with its variable and value. Not empty: calls throw `ConfigInvalid`. */
  readonly problems: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Key of what a worker thread was told by the thread that started it (`getEnvironmentData`): variables for this environment. */
export const THREAD_CONTEXT = "tollgate.context";

export function threadContext(): Readonly<Record<string, string>> {
  return (getEnvironmentData(THREAD_CONTEXT) as Readonly<Record<string, string>> | undefined) ?? {};
}

/** The environment of this process or thread. */
export function processEnvironment(): Environment {
  return { ...process.env, ...threadContext() };
}

/** Reads the environment. Never throws: what is wrong is in `problems`, and its default is used meanwhile. */
export function readConfig(env: Environment = processEnvironment()): Config {
  const problems: string[] = [];
  const claimed = readLabels(env["OTEL_RESOURCE_ATTRIBUTES"], problems);
  const serviceName = text(env["OTEL_SERVICE_NAME"]) ?? claimed["service.name"] ?? DEFAULT_AGENT;
  const endpoint = readEndpoint(env["TOLLGATE_ENDPOINT"], problems);
  const tracesUrl = readTracesUrl(env);
  const isAnnounced =
    endpoint !== undefined &&
    (text(env["TOLLGATE_ENDPOINT"]) !== undefined || text(env["TOLLGATE_API_KEY"]) !== undefined);
  const agent = text(env["TOLLGATE_AGENT"]) ?? serviceName;
  const context = readContext(env, agent, problems);
  const ancestors = ancestorsText(context.inherited.agents.filter((name) => name !== agent)) ?? "";
  return {
    agent,
    serviceName,
    endpoint,
    expectsProcessor: isAnnounced,
    apiKey: readApiKey(env["TOLLGATE_API_KEY"], problems),
    budget: readBudget(env["TOLLGATE_BUDGET"], problems),
    fallback: text(env["TOLLGATE_FALLBACK"]),
    policyPath: text(env["TOLLGATE_POLICY"]),
    cacheDir: readCacheDir(env),
    failMode: oneOf({ name: "TOLLGATE_FAIL_MODE", value: env["TOLLGATE_FAIL_MODE"] }, ["closed", "open"], problems),
    waitMs: readMs(env, { name: "TOLLGATE_WAIT_MS", fallback: WAIT_MS_DEFAULT, max: WAIT_MS_MAX }, problems),
    approvalWaitMs: readMs(
      env,
      { name: "TOLLGATE_APPROVAL_WAIT_MS", fallback: 0, max: APPROVAL_WAIT_MS_MAX },
      problems,
    ),
    reserve: oneOf({ name: "TOLLGATE_RESERVE", value: env["TOLLGATE_RESERVE"] }, ["strict", "tokenizer"], problems),
    unknownEgress: oneOf(
      { name: "TOLLGATE_UNKNOWN_EGRESS", value: env["TOLLGATE_UNKNOWN_EGRESS"] },
      ["allow", "observe", "deny"],
      problems,
    ),
    providers: readProviders(env, problems),
    content:
      oneOf({ name: "TOLLGATE_CONTENT", value: env["TOLLGATE_CONTENT"] }, ["none", "redacted", "full"], problems) ??
      "none",
    contentKey: secret(env["TOLLGATE_CONTENT_KEY"]),
    contentPatterns: readPatterns(env["TOLLGATE_CONTENT_PATTERNS"], problems),
    contentBytesMax: readBytes(
      { name: "TOLLGATE_CONTENT_BYTES_MAX", value: env["TOLLGATE_CONTENT_BYTES_MAX"] },
      CONTENT_BYTES_MAX_DEFAULT,
      problems,
    ),
    logLevel: oneOf({ name: "TOLLGATE_LOG", value: env["TOLLGATE_LOG"] }, LOG_LEVELS, problems) ?? "warn",
    labels: ancestors === "" ? claimed : { ...claimed, [ANCESTORS_LABEL]: ancestors },
    context,
    gatesChildren:
      oneOf({ name: "TOLLGATE_CHILDREN", value: env["TOLLGATE_CHILDREN"] }, ["inherit", "off"], problems) !== "off",
    startedIn: parseTraceContext(env["TRACEPARENT"] ?? "", text(env["TRACESTATE"])),
    exportsMetrics: text(env["OTEL_METRICS_EXPORTER"]) !== undefined,
    exportsLogs: text(env["OTEL_LOGS_EXPORTER"]) !== undefined,
    needsSdk: Object.keys(env).some(
      (name) => name.startsWith("OTEL_") && !PLAIN_OTEL.test(name) && text(env[name]) !== undefined,
    ),
    exportsSpans:
      text(env["OTEL_SDK_DISABLED"])?.toLowerCase() !== "true" &&
      text(env["OTEL_TRACES_EXPORTER"]) !== "none" &&
      (endpoint !== undefined || tracesUrl.isExplicit),
    tracesUrl: tracesUrl.url,
    otherProtocol: readOtherProtocol(env),
    announcesReceiver: isAnnounced || tracesUrl.isExplicit,
    exportTimeoutMs: isAnnounced || tracesUrl.isExplicit ? FLUSH_TIMEOUT_MS : UNANNOUNCED_EXPORT_MS,
    spoolDirectory: text(env["TOLLGATE_SPOOL_DIR"]),
    spoolBytesMax: readBytes(
      { name: "TOLLGATE_SPOOL_BYTES_MAX", value: env["TOLLGATE_SPOOL_BYTES_MAX"] },
      SPOOL_BYTES_MAX_DEFAULT,
      problems,
    ),
    tracesHeaders: readTracesHeaders(env, endpoint, tracesUrl.url),
    problems,
  };
}

function readContext(env: Environment, agent: string, problems: string[]): ProcessContext {
  const baggage = parseBaggage(env["BAGGAGE"] ?? "");
  const choice = { name: "TOLLGATE_BAGGAGE", value: env["TOLLGATE_BAGGAGE"] };
  const use = oneOf(choice, ["both", "send", "accept", "off"], problems) ?? "both";
  return {
    inherited: readCarried((name) => baggage.get(name)),
    agent: agent === DEFAULT_AGENT ? undefined : agent,
    sends: use === "both" || use === "send",
    accepts: use === "both" || use === "accept",
  };
}

/** The environment of a child process that is not registered itself. */
export function plainEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _inherited, ...rest } = env;
  return rest;
}

function text(value: string | undefined): string | undefined {
  const trimmed = value?.trim();
  return trimmed === undefined || trimmed === "" ? undefined : trimmed;
}

function secret(value: string | undefined): Secret | undefined {
  const key = text(value);
  return key === undefined ? undefined : new Secret(key);
}

/** What a header may hold. https://www.rfc-editor.org/rfc/rfc9110#section-5.5 */
const HEADER_TEXT = /^[ -~\u0080-\u00ff]*$/;

function readApiKey(value: string | undefined, problems: string[]): Secret | undefined {
  const key = secret(value);
  if (key === undefined || HEADER_TEXT.test(key.reveal())) return key;
  problems.push("TOLLGATE_API_KEY: it has characters that no header can hold, a line break for instance");
  return undefined;
}

/** The XDG Base Directory Specification says where caches are. */
function readCacheDir(env: Environment): string | undefined {
  const given = text(env["TOLLGATE_CACHE_DIR"]);
  if (given !== undefined) return given.toLowerCase() === "off" ? undefined : given;
  const home = homeDirectory();
  const caches = text(env["XDG_CACHE_HOME"]) ?? (home === undefined ? undefined : join(home, ".cache"));
  return caches === undefined ? undefined : join(caches, "tollgate");
}

/** A container may run under a number that no list of users has: then there is none. */
function homeDirectory(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

function oneOf<T extends string>(
  setting: { readonly name: string; readonly value: string | undefined },
  choices: readonly T[],
  problems: string[],
): T | undefined {
  const value = text(setting.value);
  if (value === undefined) return undefined;
  const choice = choices.find((name) => name === value.toLowerCase());
  if (choice === undefined) {
    problems.push(`${setting.name}: \`${value}\` is none of ${choices.map((name) => `\`${name}\``).join(", ")}`);
  }
  return choice;
}

function readEndpoint(value: string | undefined, problems: string[]): URL | undefined {
  const endpoint = text(value) ?? DEFAULT_ENDPOINT;
  if (endpoint.toLowerCase() === "off") return undefined;
  const url = URL.parse(endpoint);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return url;
  problems.push(`TOLLGATE_ENDPOINT: \`${endpoint}\` is neither an http(s) URL nor \`off\``);
  return undefined;
}

function readBudget(value: string | undefined, problems: string[]): NanoUsd | undefined {
  const written = text(value);
  if (written === undefined) return undefined;
  const budget = parseUsd(written);
  if (budget !== undefined && budget > 0n) return budget;
  problems.push(`TOLLGATE_BUDGET: \`${written}\` is not an amount above zero such as \`$0.50\``);
  return undefined;
}

function readMs(
  env: Environment,
  setting: { readonly name: string; readonly fallback: number; readonly max: number },
  problems: string[],
): number {
  const { name, fallback, max } = setting;
  const written = text(env[name]);
  if (written === undefined) return fallback;
  if (/^\d{1,9}$/.test(written) && Number(written) <= max) return Number(written);
  problems.push(`${name}: \`${written}\` is not a whole number of milliseconds from 0 to ${max}`);
  return fallback;
}

function readBytes(
  { name, value }: { readonly name: string; readonly value: string | undefined },
  otherwise: number,
  problems: string[],
): number {
  const written = text(value);
  if (written === undefined) return otherwise;
  const bytes = /^\d{1,15}$/.test(written) ? Number(written) : 0;
  if (bytes > 0) return bytes;
  problems.push(`${name}: \`${written}\` is not a whole number of bytes above zero`);
  return otherwise;
}

/** A JSON object of names and expressions. */
function readPatterns(value: string | undefined, problems: string[]): Readonly<Record<string, string>> {
  const written = text(value);
  if (written === undefined) return {};
  try {
    const patterns: unknown = JSON.parse(written);
    const isObject = typeof patterns === "object" && patterns !== null && !Array.isArray(patterns);
    if (isObject && Object.values(patterns).every((regex) => typeof regex === "string")) {
      return patterns as Readonly<Record<string, string>>;
    }
  } catch {
    // Told below.
  }
  problems.push(
    'TOLLGATE_CONTENT_PATTERNS: not a JSON object of names and expressions such as `{"employee":"EMP-[0-9]+"}`',
  );
  return {};
}

/** `key=value` pairs, percent-encoded (OpenTelemetry specification, resource SDK). */
function readLabels(value: string | undefined, problems: string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const pair of (text(value) ?? "").split(",")) {
    if (pair.trim() === "") continue;
    const split = pair.indexOf("=");
    const key = pair.slice(0, split).trim();
    if (split < 1 || key === "") {
      problems.push(`OTEL_RESOURCE_ATTRIBUTES: \`${pair.trim()}\` is not \`key=value\``);
      continue;
    }
    labels[key] = decode(pair.slice(split + 1).trim());
  }
  return labels;
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function readTracesUrl(env: Environment): { readonly url: string; readonly isExplicit: boolean } {
  const exact = text(env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]);
  if (exact !== undefined) return { url: exact, isExplicit: true };
  const base = text(env["OTEL_EXPORTER_OTLP_ENDPOINT"]);
  return {
    url: `${(base ?? DEFAULT_OTLP_ENDPOINT).replace(/\/+$/, "")}/v1/traces`,
    isExplicit: base !== undefined,
  };
}

function readOtherProtocol(env: Environment): string | undefined {
  const protocol = text(env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]) ?? text(env["OTEL_EXPORTER_OTLP_PROTOCOL"]);
  return protocol === "http/protobuf" ? undefined : protocol;
}

function readTracesHeaders(
  env: Environment,
  endpoint: URL | undefined,
  tracesUrl: string,
): ReadonlyMap<string, Secret> {
  const headers = new Map<string, Secret>();
  const key = readApiKey(env["TOLLGATE_API_KEY"], [])?.reveal();
  const isSameHost = endpoint !== undefined && URL.parse(tracesUrl)?.hostname === endpoint.hostname;
  if (key !== undefined && isSameHost) headers.set("authorization", new Secret(`Bearer ${key}`));
  const written = text(env["OTEL_EXPORTER_OTLP_TRACES_HEADERS"]) ?? text(env["OTEL_EXPORTER_OTLP_HEADERS"]) ?? "";
  for (const pair of written.split(",")) {
    const split = pair.indexOf("=");
    if (split > 0)
      headers.set(pair.slice(0, split).trim().toLowerCase(), new Secret(decode(pair.slice(split + 1).trim())));
  }
  return headers;
}
