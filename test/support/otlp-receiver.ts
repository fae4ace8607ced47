/** A receiver of OTLP traces in Protobuf that can be told to be down, to hang, or to answer with a status; and can come back on the same port. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { attributesOf, sentProblems, sentSpans } from "./sent-spans.ts";

export interface ReceivedSpan {
  readonly spanId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export class OtlpReceiver {
  /** By span id: a span that comes again does not count twice, as in the processor. */
  readonly spans = new Map<string, ReceivedSpan>();
  status = 200;
  requests = 0;
  readonly #problems = new Set<string>();
  #port = 0;
  #server: Server | undefined;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Keeps its port over `down()`. */
  async up(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        this.requests += 1;
        if (this.status === 200) this.#take(Buffer.concat(chunks));
        response.writeHead(this.status, { "content-type": "application/x-protobuf" }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Throws where a span that the gate has sent does not follow the GenAI conventions. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    if (this.#problems.size > 0) throw new Error(`not as the conventions have it: ${[...this.#problems].join("; ")}`);
  }

  named(name: string): readonly ReceivedSpan[] {
    return [...this.spans.values()].filter((span) => span.name === name);
  }

  #take(body: Uint8Array): void {
    for (const problem of sentProblems(body)) this.#problems.add(problem);
    for (const span of sentSpans(body)) {
      const spanId = Buffer.from(span.spanId, "base64").toString("hex");
      this.spans.set(spanId, { spanId, name: span.name, attributes: attributesOf(span) });
    }
  }
}
