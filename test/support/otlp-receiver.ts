/** A receiver of OTLP/JSON traces that can be told to be down, to hang, or to answer with a status; and can come back on the same port. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedSpan {
  readonly spanId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface OtlpJson {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly spanId: string;
        readonly name: string;
        readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
      }[];
    }[];
  }[];
}

export class OtlpReceiver {
  /** By span id: a span that comes again does not count twice, as in the processor. */
  readonly spans = new Map<string, ReceivedSpan>();
  status = 200;
  requests = 0;
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
        if (this.status === 200) this.#take(JSON.parse(Buffer.concat(chunks).toString("utf8")) as OtlpJson);
        response.writeHead(this.status, { "content-type": "application/json" }).end("{}");
      });
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  named(name: string): readonly ReceivedSpan[] {
    return [...this.spans.values()].filter((span) => span.name === name);
  }

  #take(body: OtlpJson): void {
    for (const { scopeSpans } of body.resourceSpans) {
      for (const { spanId, name, attributes } of scopeSpans.flatMap(({ spans }) => spans)) {
        const values = Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
        this.spans.set(spanId, { spanId, name, attributes: values });
      }
    }
  }
}
