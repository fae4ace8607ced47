/**
 * Senders that waste connections: too slow, silent, half gone, or deaf. Each takes connections and leaves it to the
 * processor to be rid of them: `held` are open on our side until the end, so that only the processor can have closed its.
 */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type Socket, connect } from "node:net";
import type { Random } from "./random.ts";

export interface HostileTarget {
  readonly httpUrl: string;
  readonly grpcUrl: string;
  readonly random: Random;
  /** To be destroyed when the processor has let go of its ends. */
  readonly held: (() => void)[];
  /** How many connections, or messages, an attack makes. */
  readonly size: number;
}

const DRIP_MS = 40;
const POST = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const BACKLOG_BYTES = 8_388_608;
/** https://www.rfc-editor.org/rfc/rfc9113#section-6.5 */
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

async function openSocket({ held }: HostileTarget, url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on("error", () => {});
  held.push(() => socket.destroy());
  // A connection over the limit may be closed before it is open.
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

/** A byte now and then, never the end. */
async function drip(target: HostileTarget, head: string): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: target.size }, () => openSocket(target, target.httpUrl)));
  for (const socket of sockets) {
    socket.resume();
    socket.write(head);
    const timer = setInterval(() => socket.write("x"), DRIP_MS);
    const stop = (): void => clearInterval(timer);
    socket.once("close", stop);
    target.held.push(stop);
  }
}

export const dripsHeaders = (target: HostileTarget): Promise<void> => drip(target, `${POST}X-Slow: `);

export const dripsBody = (target: HostileTarget): Promise<void> =>
  drip(target, `${POST}Content-Length: 20000000\r\n\r\n{`);

/** Connects and says nothing; to gRPC, too. */
export async function saysNothing(target: HostileTarget): Promise<void> {
  for (const url of [target.httpUrl, target.grpcUrl]) {
    await Promise.all(Array.from({ length: target.size }, async () => (await openSocket(target, url)).resume()));
  }
}

/** Sends half of a request, then leaves: politely, by a reset, or not at all. */
export async function leavesHalfway(target: HostileTarget): Promise<void> {
  for (let index = 0; index < target.size; index += 1) {
    const socket = await openSocket(target, target.httpUrl);
    socket.resume().write(`${POST}Content-Length: 1000\r\n\r\n{"resourceSpans":[`);
    const how = target.random.pick(["end", "reset", "stay"] as const);
    if (how === "end") socket.end();
    if (how === "reset") socket.resetAndDestroy();
  }
}

/** Asks and asks, and never reads an answer. */
export async function neverReads(target: HostileTarget): Promise<void> {
  const request = `${POST}Content-Length: 2\r\n\r\n{}`.repeat(1_000);
  for (let index = 0; index < target.size; index += 1) {
    const socket = await openSocket(target, target.httpUrl);
    socket.pause();
    for (let sent = 0; sent < BACKLOG_BYTES && socket.writable; sent += request.length) {
      if (!socket.write(request) && socket.writableLength > request.length * 4) break;
      await new Promise(setImmediate);
    }
  }
}

/** Over HTTP/2, with no window for the answers: ends when the processor has dropped every one of them. */
export async function neverReadsGrpc(target: HostileTarget): Promise<void> {
  const sessions = Array.from({ length: target.size / 4 }, async () => {
    const session = connectHttp2(target.grpcUrl, { settings: { initialWindowSize: 0 } }).on("error", () => {});
    target.held.push(() => session.destroy());
    const streams = Array.from({ length: 50 }, () =>
      session
        .request(grpcHeaders())
        .on("error", () => {})
        .resume(),
    );
    const dropped = streams.map((stream) => once(stream, "close"));
    for (const stream of streams) stream.end(Buffer.alloc(5));
    await Promise.all(dropped);
    session.destroy();
  });
  await Promise.all(sessions);
}

/** Begins to speak HTTP/2, and then neither speaks nor listens: pings are not answered. */
export async function isDeafToPings(target: HostileTarget): Promise<void> {
  const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), EMPTY_SETTINGS]);
  for (let index = 0; index < target.size; index += 1) {
    const socket = await openSocket(target, target.grpcUrl);
    socket.pause().write(preface);
  }
}

/** Opens calls that hold memory for a message, and sends none. */
export async function opensSilentCalls(target: HostileTarget): Promise<void> {
  for (let index = 0; index < 4; index += 1) {
    const session = connectHttp2(target.grpcUrl).on("error", () => {});
    target.held.push(() => session.destroy());
    for (let call = 0; call < target.size * 5; call += 1) {
      session
        .request(grpcHeaders())
        .on("error", () => {})
        .resume()
        .write(Buffer.from([0, 0, 0, 255, 0]));
    }
  }
}

/** Opens calls only to cancel them: https://nvd.nist.gov/vuln/detail/CVE-2023-44487 */
export async function resetsRapidly(target: HostileTarget): Promise<void> {
  const session = connectHttp2(target.grpcUrl).on("error", () => {});
  target.held.push(() => session.destroy());
  for (let call = 0; call < target.size * 100 && !session.destroyed && !session.closed; call += 1) {
    session
      .request(grpcHeaders())
      .on("error", () => {})
      .close();
    if (call % 50 === 0) await new Promise(setImmediate);
  }
}

/** More connections than are allowed. */
export async function floods(target: HostileTarget): Promise<void> {
  for (const url of [target.httpUrl, target.grpcUrl]) {
    await Promise.all(Array.from({ length: target.size * 10 }, () => openSocket(target, url)));
  }
}

function grpcHeaders(): Readonly<Record<string, string>> {
  return { ":method": "POST", ":path": EXPORT, "content-type": "application/grpc", te: "trailers" };
}
