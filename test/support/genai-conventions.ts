/** Holds a span of a model call against the GenAI conventions, whose facts are in a fixture with their version. */
import { readFileSync } from "node:fs";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

interface Conventions {
  readonly required: readonly string[];
  readonly providers: readonly string[];
  readonly operations: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

const CONVENTIONS = JSON.parse(
  readFileSync(new URL("../fixtures/genai-conventions.json", import.meta.url), "utf8"),
) as Conventions;
/** The conventions leave names open for who is not in their list. */
const OTHER_PROVIDERS: ReadonlySet<unknown> = new Set(["ollama"]);

const IS: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  "string[]": (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
  boolean: (value) => typeof value === "boolean",
  int: (value) => Number.isSafeInteger(value),
  double: (value) => typeof value === "number" && Number.isFinite(value),
};

/** What is wrong with a span of a model call; empty when nothing is. */
export function conventionProblems({ name, kind, attributes, status }: ReadableSpan): readonly string[] {
  const problems: string[] = [];
  const check = (isRight: boolean, problem: string): void => void (isRight || problems.push(problem));
  for (const key of CONVENTIONS.required) check(attributes[key] !== undefined, `${key} is missing`);
  for (const [key, value] of Object.entries(attributes)) {
    if (!key.startsWith("gen_ai.")) continue;
    const type = CONVENTIONS.attributes[key];
    check(type !== undefined, `${key} is not in the registry`);
    check(IS[type ?? ""]?.(value) === true, `${key} is no ${type}: ${String(value)}`);
  }
  const provider = attributes["gen_ai.provider.name"];
  const operation = String(attributes["gen_ai.operation.name"]);
  check(
    CONVENTIONS.providers.includes(String(provider)) || OTHER_PROVIDERS.has(provider),
    `unknown provider ${String(provider)}`,
  );
  check(CONVENTIONS.operations.includes(operation), `unknown operation ${operation}`);
  check(kind === SpanKind.CLIENT, "the kind is not CLIENT");
  check(name === `${operation} ${String(attributes["gen_ai.request.model"])}`, `the name is ${name}`);
  const isError = status.code === SpanStatusCode.ERROR;
  check(isError === (attributes["error.type"] !== undefined), "error.type and the status disagree");
  check(attributes["server.address"] !== undefined, "server.address is missing");
  check(Number.isSafeInteger(attributes["server.port"]), "server.port is missing");
  const count = (key: string): number => Number(attributes[`gen_ai.usage.${key}`] ?? 0);
  check(
    count("cache_read.input_tokens") + count("cache_write.input_tokens") <= count("input_tokens"),
    "cached tokens are not in the input",
  );
  check(count("reasoning.output_tokens") <= count("output_tokens"), "reasoning is not in the output");
  return problems;
}
