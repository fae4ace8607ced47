/**
 * What registration adds to the start of a process that loads none of the libraries: pairs of processes in turns, one bare and one registered
 * by `--import`, one bare and one that registers itself. CPU until the event loop is empty, and resident memory there; the median of the pairs.
 */
import { spawnSync } from "node:child_process";
import { PACKAGE_ROOT } from "../../src/demo/paths.ts";

const PAIRS = 15;
const AIM = { cpuMs: 80, mb: 30 };

const TELL = `process.once("beforeExit", () => {
  const { user, system } = process.cpuUsage();
  process.stdout.write(JSON.stringify({ cpuMs: (user + system) / 1e3, mb: process.memoryUsage().rss / 1e6 }));
});`;
const IN_APP = 'import { registerTollgate } from "@tollgate/instrumentation"; await registerTollgate().ready;';
const WAYS = [
  { name: "--import", args: ["--import", "@tollgate/instrumentation/register"], code: "" },
  { name: "registerTollgate()", args: [], code: IN_APP },
] as const;

interface Start {
  readonly cpuMs: number;
  readonly mb: number;
}

/** False where a promise is not kept. */
export function timeRegistration(): boolean {
  return WAYS.map(({ name, args, code }) => {
    const added = Array.from({ length: PAIRS }, (_unused, pair) => {
      // Who goes first changes.
      const first = start(pair % 2 === 0 ? [] : args, pair % 2 === 0 ? "" : code);
      const second = start(pair % 2 === 0 ? args : [], pair % 2 === 0 ? code : "");
      const [bare, registered] = pair % 2 === 0 ? [first, second] : [second, first];
      return { cpuMs: registered.cpuMs - bare.cpuMs, mb: registered.mb - bare.mb };
    });
    const [cpuMs, mb] = [median(added.map((one) => one.cpuMs)), median(added.map((one) => one.mb))];
    console.log(
      `${name.padEnd(20)} ${cpuMs.toFixed(1).padStart(6)} ms of CPU, ${mb.toFixed(1)} MB at the start   (promise: under ${AIM.cpuMs} ms, ${AIM.mb} MB)`,
    );
    return cpuMs < AIM.cpuMs && mb < AIM.mb;
  }).every(Boolean);
}

function start(args: readonly string[], code: string): Start {
  const { stdout } = spawnSync(process.execPath, [...args, "--input-type=module", "--eval", `${TELL} ${code}`], {
    cwd: PACKAGE_ROOT,
    env: { ...process.env, TOLLGATE_ENDPOINT: "off", OTEL_TRACES_EXPORTER: "none" },
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  return JSON.parse(stdout) as Start;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
