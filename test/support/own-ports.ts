/**
 * Ports that a test keeps: below those that the system gives to whoever asks for any. One of the latter that is given back, to be listened
 * on again after a kill, may be gone: to another process, or to a client that tried again meanwhile and was connected with itself.
 */
import { createServer } from "node:net";
import type { Endpoints } from "../../src/demo/processor-process.ts";

const FIRST = 10_000;
/** A worker has a slice of its own, so no other one takes a port that is free for a moment. */
const SLICE = 1_000;
const SLICES = 20;

const slice = FIRST + SLICE * ((process.ppid + Number(process.env["VITEST_POOL_ID"] ?? 0)) % SLICES);
let next = Math.floor(Math.random() * SLICE);

/** One on which nobody listens. */
export async function ownPort(): Promise<number> {
  for (let tried = 0; tried < SLICE; tried += 1) {
    const port = slice + next;
    next = (next + 1) % SLICE;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port is free from ${slice} on`);
}

/** Where a processor listens that is to be killed and started again in the same place. */
export async function ownEndpoints(): Promise<Omit<Endpoints, "pid">> {
  const url = async (): Promise<string> => `http://127.0.0.1:${await ownPort()}`;
  return { otlp_http: await url(), otlp_grpc: await url(), api: await url(), clickhouse: await url() };
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  const isListening = await new Promise<boolean>((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (isListening) await new Promise((resolve) => probe.close(resolve));
  return isListening;
}
