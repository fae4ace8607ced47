import { setTimeout as pause } from "node:timers/promises";
import { Command } from "commander";
import type { SpansReply } from "../api/spans.ts";
import { spanCost } from "./cost-text.ts";
import { CliError, EXIT } from "./exit.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import type { Output } from "./output.ts";
import { printable, printableJson } from "../support/printable.ts";
import { findProcessor, type Processor } from "./processor.ts";
import { errorText } from "./span-tree.ts";
import { addSpanFilters, type SpanFilterOptions, spanFilterQuery } from "./span-filters.ts";

const POLL_MS = 1_000;
/** Blocks of spans become visible a little out of order. */
const OVERLAP_MS = 5_000;

type TailSpan = SpansReply["spans"][number];

interface TailOptions extends CommonOptions, SpanFilterOptions {}

/** `tollgate tail`: spans as they come in, until it is interrupted. */
export function tailCommand(output: Output): Command {
  return addSpanFilters(new Command("tail").description("spans as they come in, until interrupted"))
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (options: TailOptions) => {
      const stopping = new AbortController();
      const stop = (): void => stopping.abort();
      process.once("SIGINT", stop).once("SIGTERM", stop);
      const print = options.json === true ? jsonLine : humanLine;
      await follow({
        // Anew each time: a processor that starts again may have another port.
        processor: () => findProcessor(options),
        query: spanFilterQuery(options),
        signal: stopping.signal,
        onSpan: (span) => output.line(print(span)),
      });
      process.off("SIGINT", stop).off("SIGTERM", stop);
    });
}

interface Following {
  readonly processor: () => Processor;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onSpan: (span: TailSpan) => void;
}

/** Asks again and again. The first question must be answered; later ones may fail: the processor may be restarting. */
async function follow({ processor, query, signal, onSpan }: Following): Promise<void> {
  const first = await processor().get<SpansReply>("/v1/spans", query);
  tell(`following ${processor().url}`);
  let askedMs = first.now_unix_ms;
  /** Shown already, of the overlap. */
  let shown = new Set(first.spans.map(keyOf));
  let isAway = false;
  while (!signal.aborted) {
    try {
      const since = String(Math.max(first.now_unix_ms, askedMs - OVERLAP_MS));
      const reply = await processor().get<SpansReply>("/v1/spans", { ...query, received_since_ms: since });
      for (const span of reply.spans.toReversed()) if (!shown.has(keyOf(span))) onSpan(span);
      if (reply.truncated) tell("more spans than are shown: narrow with --agent, --decision, --where");
      if (isAway) tell(`following ${processor().url}`);
      isAway = false;
      shown = new Set(reply.spans.map(keyOf));
      askedMs = reply.now_unix_ms;
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable) throw error;
      if (!isAway) tell(`${error.message}; trying again`);
      isAway = true;
    }
    await pause(POLL_MS, undefined, { signal }).catch(() => {
      // Interrupted: the loop's condition sees it.
    });
  }
}

function keyOf(span: TailSpan): string {
  return span.trace_id + span.span_id;
}

function tell(text: string): void {
  process.stderr.write(`tail: ${text}\n`);
}

function jsonLine(span: TailSpan): string {
  return printableJson(JSON.stringify(span));
}

function humanLine(span: TailSpan): string {
  const { start, agent, name, model, decision, attributes } = span;
  const cost = spanCost(span);
  const reason = decision === "" || decision === "allow" ? "" : (attributes["tollgate.decision.reason"] ?? "");
  const parts = [start.slice(11, 23), agent || "-", name, model, `${span.duration_ms.toFixed(0)} ms`, cost, decision];
  return printable([...parts, errorText(span), reason, span.trace_id].filter((part) => part !== "").join("  "));
}
