/** A processor as an agent process sees it: a ledger in memory, a control stream, and a receiver of spans. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { AcquireRequest, CloseRequest } from "../../instrumentation/src/protocol.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import { AUDIT_CLOSE_SPAN } from "../../instrumentation/src/semconv.ts";
import { attributesOf, sentProblems, sentSpans } from "./sent-spans.ts";

export interface AgentProcessor {
  readonly url: string;
  readonly ledger: MemoryLedger;
  readonly spans: { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  /** How many spans came, kept or not. */
  readonly count: number;
  /** Throws where a span of the gate does not follow the GenAI conventions. */
  close(): Promise<void>;
}

export async function startAgentProcessor({ limit = 10n ** 9n, keepsSpans = true } = {}): Promise<AgentProcessor> {
  const ledger = new MemoryLedger(limit);
  const spans: AgentProcessor["spans"] = [];
  const problems = new Set<string>();
  let count = 0;
  const received = (batch: AgentProcessor["spans"]): void => {
    count += batch.length;
    if (keepsSpans) spans.push(...batch);
  };
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/v1/control") === true) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(': hello\n\ndata: {"type":"hello","governance_version":"1"}\n\n');
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      void reply(request.url ?? "", Buffer.concat(chunks)).then((body) => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(body));
      });
    });
  });
  const reply = async (path: string, bytes: Buffer): Promise<unknown> => {
    const json = (): unknown => JSON.parse(bytes.toString());
    switch (path) {
      case "/v1/leases/hello": {
        const answer = await ledger.hello();
        return answer.kind === "reply" ? answer.reply : {};
      }
      case "/v1/leases/acquire":
        return ledger.grant(json() as AcquireRequest);
      case "/v1/leases/close":
        await ledger.close(json() as CloseRequest);
        return {};
      default:
        if (keepsSpans) for (const problem of sentProblems(bytes)) problems.add(problem);
        // A clean end closes the process's chain by a span of its own, which is no call.
        received(
          sentSpans(bytes)
            .filter(({ name }) => name !== AUDIT_CLOSE_SPAN)
            .map((span) => ({ name: span.name, attributes: attributesOf(span) })),
        );
        return {};
    }
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ledger,
    spans,
    get count() {
      return count;
    },
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      if (problems.size > 0) throw new Error(`not as the conventions have it: ${[...problems].join("; ")}`);
    },
  };
}
