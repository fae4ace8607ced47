/**
 * How the command line finds the processor: `--api` or TOLLGATE_API, else what a processor on this machine wrote into the data
 * directory when it became ready, else the default port.
 */
import { readEnvironment } from "../config/environment.ts";
import { DEFAULT_API_ENDPOINT } from "../config/api-endpoint.ts";
import { dataDirectory, type EndpointsFile, readEndpoints, readToken } from "../service/data-directory.ts";
import { CliError, EXIT } from "./exit.ts";

export interface ProcessorOptions {
  readonly api?: string;
  readonly dataDir?: string;
}

export interface Processor {
  readonly url: string;
  /** What the local processor wrote; `undefined` when it is elsewhere or does not run. */
  readonly endpoints: EndpointsFile | undefined;
  /** GET of a path with parameters; the reply as JSON. Throws `CliError`. */
  get<T>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<T>;
  /** GET of a path whose reply is long: its bytes as they come. Throws `CliError`. */
  stream(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<ReadableStream<Uint8Array>>;
  /** POST of a path with a JSON body; the reply as JSON. Throws `CliError`. */
  post<T>(path: string, body: unknown): Promise<T>;
}

const REQUEST_TIMEOUT_MS = 60_000;
const STREAM_TIMEOUT_MS = 3_600_000;

export function findProcessor(options: ProcessorOptions): Processor {
  const environment = readEnvironment();
  const data = dataDirectory(options.dataDir ?? environment.dataDir);
  const endpoints = readEndpoints(data);
  const url = options.api ?? environment.apiUrl ?? endpoints?.api ?? `http://${DEFAULT_API_ENDPOINT}`;
  const token = environment.token ?? readToken(data);
  return {
    url,
    endpoints,
    get: (path, query = {}) => ask({ url, path, query, token }),
    stream: (path, query = {}) => askForStream({ url, path, query, token }),
    post: (path, body) => ask({ url, path, query: {}, token, body }),
  };
}

/** A name or an id as a part of a path. An empty one would ask for the list of all, and dots for another path. */
export function pathPart(text: string): string {
  if (/^\.{0,2}$/.test(text)) throw new CliError(EXIT.usage, `a name or an id is expected, not \`${text}\``);
  return encodeURIComponent(text);
}

interface Question {
  readonly url: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly token: string | undefined;
  /** Makes it a POST. */
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

async function ask<T>(question: Question): Promise<T> {
  const response = await send(question);
  let body: unknown;
  try {
    body = await response.json();
  } catch (error) {
    throw unreachable(question.url, error);
  }
  if (response.ok) return body as T;
  throw refusal(response.status, body);
}

async function askForStream(question: Question): Promise<ReadableStream<Uint8Array>> {
  const response = await send({ ...question, timeoutMs: STREAM_TIMEOUT_MS });
  if (!response.ok) throw refusal(response.status, await response.json().catch(() => undefined));
  if (response.body === null) throw unreachable(question.url, new Error("an empty answer"));
  return response.body;
}

async function send(options: Question): Promise<Response> {
  const target = targetUrl(options.url, options.path);
  for (const [key, value] of Object.entries(options.query)) {
    if (value !== undefined) target.searchParams.set(key, value);
  }
  try {
    return await fetch(target, {
      headers: {
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(options.body === undefined ? {} : { method: "POST", body: JSON.stringify(options.body) }),
      signal: AbortSignal.timeout(options.timeoutMs ?? REQUEST_TIMEOUT_MS),
    });
  } catch (error) {
    throw unreachable(options.url, error);
  }
}

function targetUrl(base: string, path: string): URL {
  try {
    return new URL(path, base);
  } catch {
    throw new CliError(EXIT.usage, `not a URL: \`${base}\``);
  }
}

function unreachable(url: string, error: unknown): CliError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = (cause as NodeJS.ErrnoException).code ?? (cause instanceof Error ? cause.message : "no answer");
  return new CliError(
    EXIT.unreachable,
    `cannot reach the processor at ${url} (${reason}); start it with \`npx tollgate serve\`, or say where it is with \`--api URL\` or TOLLGATE_API`,
  );
}

function refusal(status: number, body: unknown): CliError {
  const problem = (typeof body === "object" && body !== null ? body : {}) as {
    code?: string;
    title?: string;
    detail?: string;
  };
  const text = problem.detail ?? problem.title ?? `HTTP ${status}`;
  if (problem.code === "unauthorized") {
    const help = "run this in the directory of the processor's data (`--data-dir`), or set TOLLGATE_TOKEN";
    return new CliError(EXIT.usage, `${text}; ${help}`);
  }
  const isFinding = problem.code === "not_found" || problem.code === "governance_changed";
  if (isFinding || problem.code?.startsWith("approval_") === true) {
    return new CliError(EXIT.finding, text);
  }
  return new CliError(status >= 500 ? EXIT.unreachable : EXIT.usage, text);
}
