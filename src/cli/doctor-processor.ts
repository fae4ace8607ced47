/** What can be wrong with a processor, asked of itself and looked at from here. */
import { statfs } from "node:fs/promises";
import { existsSync } from "node:fs";
import type { ServiceStatus } from "../api/status.ts";
import { readEnvironment } from "../config/environment.ts";
import { outlivedWindows } from "../config/governance/outlived-windows.ts";
import { unenforced } from "../config/governance/unenforced.ts";
import { ConfigInvalid, formatProblem } from "../config/problem.ts";
import { dataDirectory } from "../service/data-directory.ts";
import { weakLedgerSettings } from "../service/ledger-settings.ts";
import { loadSetup, type Setup } from "../service/setup.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Check } from "./doctor.ts";
import { CliError } from "./exit.ts";
import { findProcessor, type ProcessorOptions } from "./processor.ts";
import { counted } from "../support/counted.ts";

const CLOCK_MS_MAX = 1_000;
const FREE_BYTES_MIN = 2 * 1024 ** 3;
const FREE_SHARE_MIN = 0.05;

export interface ProcessorExamination {
  readonly checks: readonly Check[];
  readonly isReachable: boolean;
}

export async function examineProcessor(
  options: ProcessorOptions & { readonly config?: string },
): Promise<ProcessorExamination> {
  const environment = readEnvironment();
  const dataDir = options.dataDir ?? environment.dataDir;
  const { setup, checks: ofConfig } = configChecks(options.config, dataDir);
  const { isReachable, checks: ofProcessor } = await processorChecks(options);
  // What the documents ask for and nobody does, the processor says of those in force and this machine of its files.
  const said = new Set(ofProcessor.map(({ detail }) => detail));
  const news = ofConfig.filter(({ detail }) => !said.has(detail));
  const ofLedger = setup === undefined ? [] : await ledgerChecks(setup);
  return {
    checks: [...ofProcessor, ...news, ...ofLedger, ...(await diskChecks(dataDirectory(dataDir).root))],
    isReachable,
  };
}

function configChecks(
  file: string | undefined,
  dataDir: string | undefined,
): { readonly setup?: Setup; readonly checks: readonly Check[] } {
  try {
    const setup = loadSetup({ file, dataDir, environment: readEnvironment().all });
    const { budgets, policies, agents } = setup.governance;
    const detail = `valid: ${counted(budgets.length, "budget")}, ${counted(policies.length, "policy", "policies")}, ${counted(agents.length, "agent")}`;
    const outlived = outlivedWindows(setup.governance.budgets, setup.config.storage.retention.spend);
    const unheld = [...unenforced(setup.governance), ...outlived].map((text): Check => finding("budgets", text));
    return { setup, checks: [fine("config", detail), ...unheld] };
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    const fix = "`tollgate config validate` lists the same";
    return { checks: error.problems.map((problem) => finding("config", formatProblem(problem), fix)) };
  }
}

async function processorChecks(options: ProcessorOptions): Promise<ProcessorExamination> {
  const processor = findProcessor(options);
  const askedAtMs = Date.now();
  let status: ServiceStatus;
  try {
    status = await processor.get<ServiceStatus>("/v1/status");
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { checks: [finding("processor", error.message)], isReachable: false };
  }
  const answeredAtMs = Date.now();
  const checks = [
    fine("processor", `${status.version} answers at ${processor.url}, ${status.processes} agent processes`),
    clockCheck(Date.parse(status.started_at) + status.uptime_ms, { askedAtMs, answeredAtMs }),
    ...status.warnings.map((text) => finding("status", text)),
    // A budget that nothing falls under holds nobody.
    ...status.notes.map((text) => (text.startsWith("budget `") ? finding("budgets", text) : note("status", text))),
  ];
  return { checks, isReachable: true };
}

/** Windows of budgets, keys and leases go by the processor's clock; what an agent says of time by its own. */
function clockCheck(
  processorMs: number,
  { askedAtMs, answeredAtMs }: { readonly askedAtMs: number; readonly answeredAtMs: number },
): Check {
  const early = askedAtMs - processorMs;
  const late = processorMs - answeredAtMs;
  const differenceMs = Math.round(Math.max(early, late, 0));
  if (differenceMs <= CLOCK_MS_MAX) return fine("clock", "this machine and the processor agree");
  const detail = `the processor's clock is ${differenceMs} ms ${early > late ? "behind" : "ahead of"} this machine's`;
  return finding("clock", detail, "let both follow NTP");
}

async function ledgerChecks({ config }: Setup): Promise<readonly Check[]> {
  if (config.ledger.store === "local") return [fine("ledger", "local, journaled in the data directory")];
  try {
    const weak = await weakLedgerSettings(config);
    if (weak.length === 0) return [fine("ledger", "its store keeps what it acknowledges")];
    const fix = "docs/replicas.md says how the store has to be set up";
    return weak.map(({ setting, value, risk }) =>
      finding("ledger", `\`${setting}\` of its store is \`${value}\`: ${risk}`, fix),
    );
  } catch (error) {
    return [finding("ledger", `its store cannot be asked: ${errorText(error)}`)];
  }
}

async function diskChecks(root: string): Promise<readonly Check[]> {
  if (!existsSync(root)) return [note("disk", `no data directory at ${root}`)];
  const { bavail, blocks, bsize } = await statfs(root);
  const [free, all] = [bavail * bsize, blocks * bsize];
  const gigabytes = (free / 1024 ** 3).toFixed(1);
  const detail = `${gigabytes} GiB (${Math.floor((free / all) * 100)}%) free at ${root}`;
  if (free >= FREE_BYTES_MIN && free / all >= FREE_SHARE_MIN) return [fine("disk", detail)];
  return [finding("disk", detail, "a full disk refuses senders: free some, or shorten `storage.retention`")];
}

const fine = (check: string, detail: string): Check => ({ check, state: "fine", detail, fix: "" });
const note = (check: string, detail: string): Check => ({ check, state: "note", detail, fix: "" });
const finding = (check: string, detail: string, fix = ""): Check => ({ check, state: "finding", detail, fix });
