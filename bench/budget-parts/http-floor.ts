/**
 * The floor of the HTTP benchmark: Node's own HTTP server, which reads the same requests, parses their JSON and answers with
 * as many bytes, and does nothing else. Prints its port; ends with its parent.
 */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import type { AddressInfo } from "node:net";

const ID = "0123456789abcdef0123456789abcdef";
const RESERVED = JSON.stringify({
  id: ID,
  decision: "allow",
  granted_usd: "0.000450000",
  expires_in_ms: 30_000,
  budgets: ["budget-0", "budget-1", "budget-2", "budget-3", "budget-4"],
});
const COMMITTED = JSON.stringify({
  id: ID,
  settled_usd: "0.000207000",
  price_version: "genai-prices@0.1.8",
  outcome: "committed",
  released_usd: "0.000243000",
  overrun: false,
});

const server = createServer((request, response) => {
  void text(request).then((body) => {
    JSON.parse(body);
    const answer = request.url?.endsWith("/commit") === true ? COMMITTED : RESERVED;
    response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
    response.end(answer);
  });
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
