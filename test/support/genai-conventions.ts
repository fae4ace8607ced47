/**
 * Holds spans of the gate against the GenAI conventions, whose facts are in a fixture with their version: what each kind of span is named,
 * which attributes it must have, which it may, and of what type each is. Where we knowingly go beyond them, it stands here with its reason.
 */
import { readFileSync } from "node:fs";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

interface SpanFacts {
  readonly operations: readonly string[];
  readonly kinds: readonly string[];
  /** The attribute after the operation in the name of the span. */
  readonly name: string;
  readonly required: readonly string[];
  readonly attributes: readonly string[];
}

interface Conventions {
  readonly providers: readonly string[];
  readonly outputTypes: readonly string[];
  readonly mcpMethods: readonly string[];
  readonly spans: Readonly<Record<string, SpanFacts>>;
  readonly attributes: Readonly<Record<string, string>>;
}

const CONVENTIONS = JSON.parse(
  readFileSync(new URL("../fixtures/genai-conventions.json", import.meta.url), "utf8"),
) as Conventions;
const SPANS = Object.values(CONVENTIONS.spans);

/** The conventions leave names open for who is not in their list. */
const OTHER_PROVIDERS: ReadonlySet<unknown> = new Set(["cloudflare", "ollama", "vercel"]);
/** Operations that they do not know, and what they are most like. */
const OTHER_OPERATIONS: Readonly<Record<string, string>> = { rerank: "chat" };
/** Each call of a model says what it used and, where asked to, what was sent, embeddings too: budgets and dashboards read them alike. */
const OF_EVERY_MODEL = [
  "gen_ai.request.stream",
  "gen_ai.usage.output_tokens",
  "gen_ai.response.id",
  "gen_ai.input.messages",
];
/** Spans of ours that are of no operation of a model, an agent or a tool. */
const OUR_OWN = /^(?:egress|ungated) |^(?:spans dropped|audit close)$/;

const IS: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string" && value !== "",
  "string[]": (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
  boolean: (value) => typeof value === "boolean",
  int: (value) => Number.isSafeInteger(value),
  double: (value) => typeof value === "number" && Number.isFinite(value),
  any: (value) => value !== undefined,
};

const text = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined"));

type Span = Pick<ReadableSpan, "name" | "kind" | "attributes"> & { readonly status: { readonly code: number } };

/** What is wrong with a span of the gate; empty when nothing is. */
export function conventionProblems(span: Span): readonly string[] {
  const problems = [...attributeProblems(span), ...shapeProblems(span)];
  return problems.map((problem) => `\`${span.name}\`: ${problem}`);
}

function attributeProblems({ attributes, status }: Span): readonly string[] {
  const problems: string[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    const type = CONVENTIONS.attributes[key];
    if (type === undefined) {
      if (/^(?:gen_ai|mcp)\./.test(key)) problems.push(`${key} is not in the registry`);
    } else if (IS[type]?.(value) !== true) problems.push(`${key} is no ${type}: ${text(value)}`);
  }
  const isError = status.code === (SpanStatusCode.ERROR as number);
  const isNamed = attributes["error.type"] !== undefined;
  if (isError !== isNamed && attributes["gen_ai.operation.name"] !== undefined)
    problems.push("error.type and the status disagree");
  return problems;
}

function shapeProblems({ name, kind, attributes }: Span): readonly string[] {
  const operation = attributes["gen_ai.operation.name"];
  if (operation === undefined) return OUR_OWN.test(name) ? [] : ["it is of no operation, and no span of our own"];
  const like = OTHER_OPERATIONS[text(operation)] ?? operation;
  const facts = SPANS.find(({ operations }) => operations.includes(text(like)));
  if (facts === undefined) return [`unknown operation ${text(operation)}`];
  const problems: string[] = [];
  const check = (isRight: boolean, problem: string): void => void (isRight || problems.push(problem));
  for (const key of facts.required) check(attributes[key] !== undefined, `${key} is missing`);
  const isModel = facts.name === "gen_ai.request.model";
  for (const key of Object.keys(attributes).filter((own) => own.startsWith("gen_ai."))) {
    const isItsOwn = facts.attributes.includes(key) || (isModel && OF_EVERY_MODEL.includes(key));
    check(isItsOwn, `${key} is not an attribute of ${text(operation)}`);
  }
  check(facts.kinds.includes(SpanKind[kind] ?? ""), `the kind is ${text(SpanKind[kind])}`);
  const target = attributes[facts.name];
  check(name === (target === undefined ? operation : `${text(operation)} ${text(target)}`), "the name is another");
  const provider = attributes["gen_ai.provider.name"];
  check(
    provider === undefined || CONVENTIONS.providers.includes(text(provider)) || OTHER_PROVIDERS.has(provider),
    `unknown provider ${text(provider)}`,
  );
  const type = attributes["gen_ai.output.type"];
  check(type === undefined || CONVENTIONS.outputTypes.includes(text(type)), `unknown output ${text(type)}`);
  const method = attributes["mcp.method.name"];
  check(method === undefined || CONVENTIONS.mcpMethods.includes(text(method)), `unknown method ${text(method)}`);
  check(attributes["gen_ai.request.stream"] !== false, "gen_ai.request.stream is said where nothing is streamed");
  check(attributes["gen_ai.request.choice.count"] !== 1, "gen_ai.request.choice.count is said of one choice");
  const hasServer = attributes["server.address"] !== undefined;
  check(hasServer === (attributes["server.port"] !== undefined), "server.address and server.port go together");
  const count = (key: string): number => Number(attributes[`gen_ai.usage.${key}`] ?? 0);
  const cached = count("cache_read.input_tokens") + count("cache_write.input_tokens");
  check(cached <= count("input_tokens"), "cached tokens are not in the input");
  check(count("reasoning.output_tokens") <= count("output_tokens"), "reasoning is not in the output");
  return problems;
}
