/**
 * Two agents in one conversation over HTTP, each in its own process: `serve` answers requests with a call of a model, `ask`
 * sends one within a context. Headers are written and read by the propagators that OpenTelemetry has set up, nothing else.
 * The service says its URL on stderr, serves one request and ends.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { argv, stderr, stdout } from "node:process";
import { context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { registerTollgate, withContext } from "@tollgate/instrumentation";
import OpenAI from "openai";

const { role, providerUrl, serviceUrl } = JSON.parse(argv[2] ?? "{}");
await registerTollgate().ready;

if (role === "serve") {
  const openai = new OpenAI({ apiKey: "service", baseURL: `${providerUrl}/v1` });
  const server = createServer((request, response) => {
    void context.with(propagation.extract(ROOT_CONTEXT, request.headers), async () => {
      await openai.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] });
      response.end("answered");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const ended = once(server, "request").then(([, response]) => once(response, "close"));
  stderr.write(`http://127.0.0.1:${server.address().port}\n`);
  await ended;
  server.close();
} else {
  const answer = await withContext({ agent: "asker", session: "s-http" }, async () => {
    const headers = { connection: "close" };
    propagation.inject(context.active(), headers);
    return (await fetch(serviceUrl, { headers })).text();
  });
  stdout.write(`${answer}\n`);
}
