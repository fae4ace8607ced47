/** What the processor answers a process with, as whoever reads the error sees it: a refusal says why, and what to do. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createHttpTransport } from "../../../../instrumentation/src/lease/http-transport.ts";
import type { Transport } from "../../../../instrumentation/src/lease/transport.ts";
import { Secret } from "../../../../instrumentation/src/redaction/secret.ts";

let server: Server;
let transport: Transport;
let answer: { readonly status: number; readonly body: string };

beforeEach(async () => {
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(answer.status, { "content-type": "application/problem+json" }).end(answer.body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  transport = createHttpTransport({ endpoint: new URL(`http://127.0.0.1:${port}`), apiKey: undefined });
});

afterEach(async () => {
  transport.stop();
  server.close();
  await once(server, "close");
});

it.each([
  [403, { code: "forbidden", detail: "set TOLLGATE_API_KEY" }, "rejected", "set TOLLGATE_API_KEY (status 403)"],
  [401, { code: "unauthorized" }, "rejected", "status 401 (unauthorized); TOLLGATE_API_KEY is not set"],
  [400, { detail: 7 }, "rejected", "status 400"],
  [503, { code: "unavailable", detail: "the ledger\nstarts" }, "unreachable", "the ledger starts (status 503)"],
  [422, { detail: "x".repeat(1_000) }, "rejected", `${"x".repeat(300)} (status 422)`],
] as const)("tells what a %s of the processor says: %j", async (status, problem, kind, said) => {
  answer = { status, body: JSON.stringify(problem) };
  const reason = kind === "rejected" ? `the processor refused: ${said}` : said;
  expect(await transport.close({ process_id: "p", leases: [] } as never)).toEqual({ kind, reason });
});

it.each([
  [401, "revoked", "revoked (status 401); it is the key of TOLLGATE_API_KEY"],
  [403, "not bound to `a`", "not bound to `a` (status 403); see TOLLGATE_API_KEY and TOLLGATE_AGENT"],
] as const)("says which setting a refused key is from: %d", async (status, detail, said) => {
  answer = { status, body: JSON.stringify({ detail }) };
  const { port } = server.address() as AddressInfo;
  const apiKey = new Secret("a key");
  const withKey = createHttpTransport({ endpoint: new URL(`http://127.0.0.1:${port}`), apiKey });
  const told = await withKey.close({ process_id: "p", leases: [] } as never);
  withKey.stop();
  expect(told).toEqual({ kind: "rejected", reason: `the processor refused: ${said}` });
});

it("says that an answer is not the processor's", async () => {
  answer = { status: 403, body: "<html>Forbidden</html>" };
  expect(await transport.close({ process_id: "p", leases: [] } as never)).toEqual({
    kind: "unreachable",
    reason:
      "answer with status 403 is not JSON; it is another program's: see TOLLGATE_ENDPOINT, and what stands between",
  });
});
