/** The page of `tollgate status`: made for a terminal of 80 columns; what is wrong comes first, because it is why one looks. */
import type { BudgetRow } from "../api/budget-view.ts";
import type { ServiceStatus } from "../api/status.ts";
import { type Column, type Output, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";
import { scopeText, stateText } from "./budget-text.ts";
import { bytesText, countText, durationText } from "./quantity.ts";
import { counted } from "../support/counted.ts";

const COLUMNS = 80;
const LABEL_WIDTH = 12;

export function printStatus(output: Output, status: ServiceStatus): void {
  const { version, ready, uptime_ms: uptimeMs, pid, resident_bytes: resident } = status;
  const state = ready ? "ready" : "not ready";
  output.line(`tollgate ${version}, ${state}, up ${durationText(uptimeMs)}, pid ${pid}, ${bytesText(resident)}`);
  for (const warning of status.warnings) wrapped(output, paint(output, "warning"), warning);
  for (const note of status.notes) wrapped(output, "note", note);
  section(output, "Listens", endpointLines(status));
  title(output, "Pipeline");
  printTable(output, status.components, COMPONENT_COLUMNS);
  section(output, "Delivery (p50 and p99 of the last 5 minutes)", deliveryLines(status));
  section(output, "Governance", governanceLines(status));
  if (status.budgets_worst.length === 0) return;
  title(output, "Budgets with least left");
  printTable(output, status.budgets_worst, BUDGET_COLUMNS);
}

type Component = ServiceStatus["components"][number];

const COMPONENT_COLUMNS: readonly Column<Component>[] = [
  { title: "COMPONENT", value: componentName },
  { title: "RECEIVED", align: "right", value: ({ received, recovered }) => countText(received + recovered) },
  { title: "SENT", align: "right", value: ({ stored }) => countText(stored) },
  { title: "REFUSED", align: "right", value: ({ refused }) => countText(refused) },
  { title: "IN FLIGHT", align: "right", value: ({ in_flight: inFlight }) => countText(inFlight) },
  { title: "DROPPED", value: ({ dropped }) => droppedText(dropped) },
];

const BUDGET_COLUMNS: readonly Column<BudgetRow>[] = [
  { title: "BUDGET", value: ({ name }) => cut(name, 24) },
  { title: "SCOPE", value: ({ scope }) => cut(scopeText(scope), 24) },
  { title: "SETTLED", align: "right", value: (row) => amountText(row, row.settled_usd, row.settled) },
  { title: "LIMIT", align: "right", value: (row) => amountText(row, row.limit_usd, row.limit) },
  { title: "STATE", value: stateText },
];

function componentName({ component, signal, protocol }: Component): string {
  return [component, ...(signal === "traces" ? [] : [signal]), ...(protocol === null ? [] : [protocol])].join(" ");
}

function droppedText(dropped: Readonly<Record<string, number>>): string {
  const parts = Object.entries(dropped).map(([reason, count]) => `${countText(count)} ${reason}`);
  return parts.length === 0 ? "0" : parts.join(", ");
}

function endpointLines({ endpoints, storage }: ServiceStatus): readonly Line[] {
  const reach = storage.ready ? storage.kind : `${storage.kind}, cannot be reached`;
  return [
    ["OTLP/HTTP", endpoints.otlp_http ?? "off"],
    ["OTLP/gRPC", endpoints.otlp_grpc ?? "off"],
    ["API", endpoints.api],
    ["ClickHouse", `${endpoints.clickhouse} (${reach}, database ${storage.database})`],
  ];
}

function deliveryLines({ spools, inserts, lag, engine }: ServiceStatus): readonly Line[] {
  const objective = `objective ${durationText(lag.objective_ms)}`;
  return [
    ...spools.map((spool): Line => ["spool", spoolText(spool)]),
    ["inserts", `${countText(inserts.taken)} taken, ${countText(inserts.failed)} failed; ${quantilesText(inserts)}`],
    ["counted in", `${quantilesText(lag.counted)}${aheadText(lag.counted)}`],
    ["visible in", `${quantilesText(lag.visible)}, ${objective}${aheadText(lag.visible)}`],
    ...(engine === null ? [] : engineLines(engine)),
  ];
}

function spoolText(spool: ServiceStatus["spools"][number]): string {
  const { items, blocks, bytes, bytes_max: bytesMax, oldest_age_ms: oldestAgeMs, set_aside_files: setAside } = spool;
  const limit = bytesMax === null ? "" : ` of ${bytesText(bytesMax)}`;
  const oldest = blocks === 0 ? "" : `, oldest ${durationText(oldestAgeMs)}`;
  const aside = setAside === null || setAside === 0 ? "" : `, ${setAside} set aside`;
  const whose = spool.component === "exporters.clickhouse" ? spool.signal : spool.component;
  return `${whose}: ${countText(items)} in ${blocks} blocks, ${bytesText(bytes)}${limit}${oldest}${aside}`;
}

function quantilesText({ p50_ms: p50, p99_ms: p99 }: { p50_ms: number | null; p99_ms: number | null }): string {
  if (p50 === null || p99 === null) return "nothing lately";
  return `p50 ${durationText(p50)}, p99 ${durationText(p99)}`;
}

function aheadText({ clock_ahead: ahead }: ServiceStatus["lag"]["visible"]): string {
  return ahead === 0 ? "" : `; ${countText(ahead)} from the future`;
}

function engineLines(engine: NonNullable<ServiceStatus["engine"]>): readonly Line[] {
  const { resident_bytes: resident, tracked_bytes: tracked, memory_max_bytes: max, parts, disk_bytes: disk } = engine;
  if (resident === null || tracked === null || max === null || disk === null) {
    return [["engine", engine.serving ? "does not answer" : `does not serve, ${engine.crashes} crashes`]];
  }
  const memory = `${bytesText(resident)} resident, ${bytesText(tracked)} tracked of ${bytesText(max)}`;
  return [
    ["engine", memory],
    ["", `${engine.crashes} crashes; ${parts} parts, ${bytesText(disk)} on disk`],
  ];
}

function governanceLines({ governance, ledger, processes, stops }: ServiceStatus): readonly Line[] {
  const { budgets, policies, agents, prices } = governance;
  const { leases_active: active, leases_expired: expired, acquires_waiting: waiting, journal_bytes: journal } = ledger;
  return [
    [
      "documents",
      [
        counted(budgets, "budget"),
        counted(policies, "policy", "policies"),
        counted(agents, "agent"),
        counted(prices, "price list"),
      ].join(", "),
    ],
    ["ledger", `${counted(active, "lease")}, ${expired} expired, ${waiting} waiting; journal ${bytesText(journal)}`],
    ["processes", `${processes} said hello`],
    ...stops.map(({ act, selector, author, reason }): Line => {
      const why = reason === "" ? "" : `: ${reason}`;
      return [act === "kill" ? "killed" : "paused", printable(`${selector}, by ${author}${why}`)];
    }),
  ];
}

type Line = readonly [label: string, text: string];

function section(output: Output, name: string, lines: readonly Line[]): void {
  title(output, name);
  for (const [label, text] of lines) wrapped(output, label, text);
}

function title(output: Output, text: string): void {
  output.line("");
  output.line(output.isColour ? `\u001B[1m${text}\u001B[0m` : text);
}

/** Padded before it is painted: escapes have no width. */
function paint(output: Output, label: string): string {
  return output.isColour ? `\u001B[33m${label.padEnd(LABEL_WIDTH)}\u001B[0m` : label;
}

/** Broken between words, the rest under the text. */
function wrapped(output: Output, label: string, text: string): void {
  const lines: string[] = [];
  let line = "";
  for (const word of printable(text).split(" ")) {
    if (line !== "" && line.length + 1 + word.length > COLUMNS - LABEL_WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  for (const [index, each] of [...lines, line].entries()) {
    output.line(`${index === 0 ? label.padEnd(LABEL_WIDTH) : " ".repeat(LABEL_WIDTH)}${each}`);
  }
}

/** Dollars to the cent, the exact amount is `tollgate budgets`'; below a cent with all its places. */
function amountText({ measure }: BudgetRow, usd: string | null, raw: string): string {
  if (usd === null) return `${countText(Number(raw))} ${measure.replace("_", " ")}`;
  // Of less than a dollar, cents say too little.
  const shown = usd.replace(usd.startsWith("0.") ? /(\.\d{4})\d*$/ : /(\.\d\d)\d*$/, "$1");
  return /[1-9]/.test(usd) && !/[1-9]/.test(shown) ? `$${usd}` : `$${shown}`;
}

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars - 1)}…`;
}
