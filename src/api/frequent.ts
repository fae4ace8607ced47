/**
 * The few routes that agents ask around every call of a model, answered straight from Node's HTTP server: the framework's
 * way through hooks and parsers costs as much as the answer itself. The routes, their schemas and their problems are the same.
 *
 * Only the plain case is taken: POST of JSON with its length, to the very path. Whatever is unusual, or has to be refused before
 * it is read, goes the framework's way, so that there is one place that says how.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { Access } from "./access.ts";
import { type ApiProblem, problemReply } from "./problem.ts";
import { type AnyRoute, answerTo } from "./route.ts";

export interface FrequentOptions {
  readonly routes: readonly AnyRoute[];
  readonly access: Access;
  readonly bodyMaxBytes: number;
  readonly toProblem: (error: unknown) => ApiProblem;
  readonly onAnswer: (answer: { readonly route: string; readonly status: number; readonly seconds: number }) => void;
  /** Answers a request that turned out to be unusual after it was read. */
  readonly otherwise: (request: IncomingMessage, body: string) => Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string;
}

const JSON_TYPE = "application/json; charset=utf-8";
const PARAMETER = "/:id";
const KEEP_ALIVE_MS = 72_000;
/** What a parser of JSON must not put into an object; written with an escape, it is looked at by the framework too. */
const POISON = /__proto__|constructor|\\u/;

interface Found {
  readonly route: AnyRoute;
  readonly params: Readonly<Record<string, string>>;
}

export class FrequentRoutes {
  readonly #options: FrequentOptions;
  readonly #exact = new Map<string, AnyRoute>();
  /** What stands before and after the id. */
  readonly #withId: { readonly before: string; readonly after: string; readonly route: AnyRoute }[] = [];
  #isClosed = false;

  constructor(options: FrequentOptions) {
    this.#options = options;
    for (const route of options.routes) {
      if (route.isFrequent !== true || route.method !== "POST") continue;
      const at = route.url.indexOf(PARAMETER);
      if (at < 0) this.#exact.set(route.url, route);
      else {
        const [before, after] = [route.url.slice(0, at + 1), route.url.slice(at + PARAMETER.length)];
        this.#withId.push({ before, after, route });
      }
    }
  }

  /** From now on everything goes the framework's way, which says that it is stopping. */
  close(): void {
    this.#isClosed = true;
  }

  /** True when the request is taken, and will be answered. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#isClosed || request.method !== "POST" || !this.#isPlain(request)) return false;
    const found = this.#find(request.url ?? "");
    if (found === undefined) return false;
    const startedMs = performance.now();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = (chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)).toString();
      // Never rejects: what goes wrong is an answer too.
      void this.#answer(found, request, { body, startedMs }).then((answer) => {
        response.writeHead(answer.status, { ...answer.headers, "content-length": Buffer.byteLength(answer.body) });
        response.end(answer.body);
      });
    });
    return true;
  }

  #isPlain({ headers }: IncomingMessage): boolean {
    const type = headers["content-type"];
    if (type !== "application/json" && type !== JSON_TYPE) return false;
    const length = Number(headers["content-length"]);
    return length > 0 && length <= this.#options.bodyMaxBytes && headers["content-encoding"] === undefined;
  }

  #find(url: string): Found | undefined {
    const route = this.#exact.get(url);
    if (route !== undefined) return { route, params: {} };
    for (const { before, after, route: withId } of this.#withId) {
      if (!url.startsWith(before) || !url.endsWith(after)) continue;
      const id = url.slice(before.length, url.length - after.length);
      if (/^[0-9a-z]+$/.test(id)) return { route: withId, params: { id } };
    }
    return undefined;
  }

  async #answer(
    { route, params }: Found,
    request: IncomingMessage,
    { body, startedMs }: { readonly body: string; readonly startedMs: number },
  ): Promise<Answer> {
    const { access, toProblem, otherwise, onAnswer } = this.#options;
    let answer: Answer;
    try {
      const json = POISON.test(body) ? undefined : parse(body);
      if (json === undefined) return await otherwise(request, body);
      const reply = await answerTo(route, access, { body: json, query: {}, params, headers: request.headers });
      answer = { status: route.status ?? 200, headers: { "content-type": JSON_TYPE }, body: JSON.stringify(reply) };
    } catch (error) {
      answer = problemReply(toProblem(error));
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    onAnswer({ route: `POST ${route.url}`, status: answer.status, seconds });
    return answer;
  }
}

/** A server with the framework's own times; `listener` hands on what it does not answer. */
export function createFrontServer(listener: RequestListener): Server {
  const server = createServer(listener);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  // A request may wait for money, and a control stream never ends.
  server.requestTimeout = 0;
  return server;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
