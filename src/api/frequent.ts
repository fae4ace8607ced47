/**
 * The few routes that agents ask around every call of a model, answered beside the framework: its way through streams, hooks and
 * parsers costs several times the answer itself. The routes, their schemas and their problems are the same.
 *
 * Only the plain case is taken (plain-request.ts): POST of JSON with its length, to the very path. Whatever is unusual, or has to
 * be refused before it is read, goes the framework's way, so that there is one place that says how.
 */
import type { Access } from "./access.ts";
import type { PlainHead } from "./plain-request.ts";
import { type ApiProblem, problemReply } from "./problem.ts";
import { type AnyRoute, answerTo } from "./route.ts";

export interface FrequentOptions {
  readonly routes: readonly AnyRoute[];
  readonly access: Access;
  readonly bodyMaxBytes: number;
  readonly toProblem: (error: unknown) => ApiProblem;
  readonly onAnswer: (answer: { readonly route: string; readonly status: number; readonly seconds: number }) => void;
}

export interface FrequentRequest extends Pick<PlainHead, "headers"> {
  /** As parsed: `plainJson`. */
  readonly body: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A route, and what the path says. */
export interface FoundRoute {
  readonly route: AnyRoute;
  readonly name: string;
  readonly params: Readonly<Record<string, string>>;
}

const JSON_TYPE = "application/json; charset=utf-8";
const JSON_HEADERS = { "content-type": JSON_TYPE };
const PARAMETER = "/:id";
const ID = /^[0-9a-z]+$/;
const NO_QUERY = Object.freeze({});
/** What a parser of JSON must not put into an object; written with an escape, it is looked at by the framework too. */
const POISON: readonly string[] = ["__proto__", "constructor", "\\u"];

export class FrequentRoutes {
  readonly #options: FrequentOptions;
  readonly #exact = new Map<string, FoundRoute>();
  /** What stands before and after the id. */
  readonly #withId: { readonly before: string; readonly after: string; readonly found: FoundRoute }[] = [];
  readonly #onClose: (() => void)[] = [];
  #isClosed = false;

  constructor(options: FrequentOptions) {
    this.#options = options;
    for (const route of options.routes) {
      if (route.isFrequent !== true || route.method !== "POST") continue;
      const found = { route, name: `POST ${route.url}`, params: {} };
      const at = route.url.indexOf(PARAMETER);
      if (at < 0) this.#exact.set(route.url, found);
      else {
        const [before, after] = [route.url.slice(0, at + 1), route.url.slice(at + PARAMETER.length)];
        this.#withId.push({ before, after, found });
      }
    }
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  onClose(listener: () => void): void {
    this.#onClose.push(listener);
  }

  /** From now on everything goes the framework's way, which says that it is stopping. */
  close(): void {
    this.#isClosed = true;
    for (const listener of this.#onClose.splice(0)) listener();
  }

  /** The route that answers it; `undefined`: the framework does. */
  find({ url, headers, bodyBytes }: PlainHead): FoundRoute | undefined {
    const type = headers["content-type"];
    if (type !== "application/json" && type !== JSON_TYPE) return undefined;
    if (bodyBytes > this.#options.bodyMaxBytes) return undefined;
    const exact = this.#exact.get(url);
    if (exact !== undefined) return exact;
    for (const { before, after, found } of this.#withId) {
      if (!url.startsWith(before) || !url.endsWith(after)) continue;
      const id = url.slice(before.length, url.length - after.length);
      if (ID.test(id)) return { ...found, params: { id } };
    }
    return undefined;
  }

  /** Never rejects. */
  async answer({ route, name, params }: FoundRoute, request: FrequentRequest): Promise<Answer> {
    const { access, toProblem, onAnswer } = this.#options;
    const startedMs = performance.now();
    let answer: Answer;
    try {
      const reply = await answerTo(route, access, { ...request, query: NO_QUERY, params });
      answer = { status: route.status ?? 200, headers: JSON_HEADERS, body: JSON.stringify(reply) };
    } catch (error) {
      answer = problemReply(toProblem(error));
    }
    onAnswer({ route: name, status: answer.status, seconds: (performance.now() - startedMs) / 1_000 });
    return answer;
  }
}

function isPoisoned(text: string): boolean {
  return POISON.some((word) => text.includes(word));
}

/** `undefined`: no JSON, or some that only the framework may look at. */
export function plainJson(text: string): unknown {
  try {
    return isPoisoned(text) ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
