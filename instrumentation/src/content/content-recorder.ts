/**
 * Puts content on spans, where TOLLGATE_CONTENT asks for it: `redacted`, after detectors and patterns have taken out what they find
 * (in its place its kind, or with TOLLGATE_CONTENT_KEY its keyed hash, so that equal values can be searched for), or `full`. Each
 * attribute is bounded. What cannot be looked through is not recorded. Nothing of it ever reaches a log.
 */
import type { Span } from "@opentelemetry/api";
import type { Config } from "../config/config.ts";
import type { Logger } from "../config/logger.ts";
import type { Body } from "../gate/endpoint.ts";
import { DETECTOR_NAMES } from "../redaction/detectors.ts";
import { createKeyedHash } from "../redaction/keyed-hash.ts";
import { patternDetectors } from "../redaction/pattern.ts";
import { ValueRules } from "../redaction/value-rules.ts";
import * as semconv from "../semconv.ts";
import { fitted } from "./fitted.ts";
import type { Plain } from "./fitted.ts";
import { inputContent } from "./messages.ts";
import type { Message } from "./messages.ts";

/** A finding that ends past the bound is still found whole up to here. */
const MARGIN = 1_024;
/** How often an attribute that its replacements made longer is cut again. */
const CUTS_MAX = 6;

export interface ContentOptions {
  readonly bytesMax: number;
  /** `undefined`: everything is recorded as it is. */
  readonly rules: ValueRules | undefined;
  /** A mistake of our own: the content is left out. */
  readonly onProblem: (problem: unknown) => void;
}

export class ContentRecorder {
  readonly bytesMax: number;
  readonly #options: ContentOptions;

  constructor(options: ContentOptions) {
    this.#options = options;
    this.bytesMax = options.bytesMax;
  }

  input(span: Span, body: Body): void {
    this.#contained(() => {
      const { system, messages } = inputContent(body);
      if (system.length > 0) this.#set(span, semconv.ATTR_GEN_AI_SYSTEM_INSTRUCTIONS, system);
      if (messages.length > 0) this.#set(span, semconv.ATTR_GEN_AI_INPUT_MESSAGES, messages);
    });
  }

  output(span: Span, messages: () => readonly Message[]): void {
    this.#contained(() => {
      const said = messages();
      if (said.length > 0) this.#set(span, semconv.ATTR_GEN_AI_OUTPUT_MESSAGES, said);
    });
  }

  toolArguments(span: Span, value: unknown): void {
    if (value !== undefined) this.#contained(() => this.#set(span, semconv.ATTR_GEN_AI_TOOL_CALL_ARGUMENTS, value));
  }

  toolResult(span: Span, value: unknown): void {
    if (value !== undefined) this.#contained(() => this.#set(span, semconv.ATTR_GEN_AI_TOOL_CALL_RESULT, value));
  }

  #set(span: Span, name: string, value: unknown): void {
    const { rules, bytesMax } = this.#options;
    const given = fitted(value, { lengthMax: bytesMax, margin: rules === undefined ? 0 : MARGIN });
    const cleaned = rules === undefined ? given.value : (rules.clean(given.value)?.value as Plain | undefined);
    if (cleaned === undefined) return;
    let { isCut } = given;
    for (let cut = 0, lengthMax = bytesMax; cut < CUTS_MAX; cut += 1, lengthMax = Math.floor(lengthMax / 2)) {
      const fits = fitted(cleaned, { lengthMax });
      isCut ||= fits.isCut;
      const text = JSON.stringify(fits.value);
      if (Buffer.byteLength(text, "utf8") > bytesMax * 2) continue;
      span.setAttribute(name, text);
      break;
    }
    if (isCut) span.setAttribute(semconv.ATTR_TOLLGATE_CONTENT_CUT, true);
  }

  #contained(work: () => void): void {
    try {
      work();
    } catch (problem) {
      this.#options.onProblem(problem);
    }
  }
}

/** `undefined`: no content is recorded, because nobody asked for it, or because its patterns do not compile. */
export function createContentRecorder(
  config: Pick<Config, "content" | "contentKey" | "contentPatterns" | "contentBytesMax">,
  logger: Logger,
): ContentRecorder | undefined {
  const { content, contentKey, contentPatterns, contentBytesMax: bytesMax } = config;
  if (content === "none") return undefined;
  // The kind of problem only: its message may hold what it was about.
  const onProblem = (problem: unknown): void =>
    logger.once("error", "content", `content could not be recorded: ${problem instanceof Error ? problem.name : "?"}`);
  if (content === "full") return new ContentRecorder({ bytesMax, rules: undefined, onProblem });
  try {
    const rules = new ValueRules({
      detectors: DETECTOR_NAMES,
      patterns: patternDetectors(Object.entries(contentPatterns).map(([name, regex]) => ({ name, regex }))),
      action: contentKey === undefined ? "mask" : "hash",
      hash: createKeyedHash(contentKey?.reveal() ?? ""),
    });
    return new ContentRecorder({ bytesMax, rules, onProblem });
  } catch (problem) {
    logger.log(
      "error",
      `TOLLGATE_CONTENT_PATTERNS: ${String(problem)}: no content is recorded until this is right (patterns need the package \`re2js\`)`,
    );
    return undefined;
  }
}
