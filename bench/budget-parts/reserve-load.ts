/**
 * The client of the HTTP benchmark, in a process of its own: keeps 64 connections busy with a reservation and its commit,
 * over and over. It writes to sockets and looks for the few bytes it needs, so that the processor and not the client is
 * what is measured. Arguments: the API's URL, milliseconds to warm up, milliseconds to measure.
 */
import { Connection } from "./connection.ts";
import { percentile } from "./figures.ts";

export interface LoadFigures {
  readonly pairsPerSecond: number;
  /** Those of the warm-up too. */
  readonly pairs: number;
  /** Of a pair. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const CONNECTIONS = 64;

const url = new URL(process.argv[2] ?? "");
const warmMs = Number(process.argv[3]);
const measureMs = Number(process.argv[4]);
const latenciesMs: number[] = [];
let pairs = 0;
const measureFromMs = performance.now() + warmMs;
const endMs = measureFromMs + measureMs;

await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => caller(index)));
const figures: LoadFigures = {
  pairs,
  pairsPerSecond: (latenciesMs.length * 1_000) / measureMs,
  p50Ms: percentile(latenciesMs, 0.5),
  p99Ms: percentile(latenciesMs, 0.99),
};
console.log(JSON.stringify(figures));

async function caller(index: number): Promise<void> {
  const connection = await Connection.open(url);
  const reservation = JSON.stringify({
    agent: `agent-${index % 8}`,
    labels: { team: "checkout", session: `s-${index}` },
    model: "gpt-4o-mini",
    tokens: { input: 1_000, output: 500 },
  });
  const commit = JSON.stringify({ usage: { model: "gpt-4o-mini", input_tokens: 900, output_tokens: 120 } });
  await new Promise<void>((resolve) => {
    let beganMs = 0;
    const reserve = (): void => {
      beganMs = performance.now();
      if (beganMs < endMs) connection.post("/v1/reservations", reservation, reserved);
      else resolve();
    };
    const reserved = (answer: string): void => {
      const id = /"id":"([0-9a-f]{32})"/.exec(answer)?.[1];
      if (id === undefined) throw new Error(`not reserved: ${answer}`);
      connection.post(`/v1/reservations/${id}/commit`, commit, committed);
    };
    const committed = (answer: string): void => {
      if (!answer.includes('"committed"')) throw new Error(`not committed: ${answer}`);
      pairs += 1;
      if (beganMs >= measureFromMs) latenciesMs.push(performance.now() - beganMs);
      reserve();
    };
    reserve();
  });
  connection.end();
}
