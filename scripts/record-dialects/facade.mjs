/**
 * What stands between an instrumented SDK and the provider simulator while a dialect is recorded. It writes down each
 * call's bill (the difference of the simulator's own count, so calls must come one after another), and adds to answers
 * what the simulator does not have: reasoning tokens (a part of the output that is billed anyway) when the prompt says
 * `[think]`, and a call of the first tool when it says `[tool]`. Bills are never touched.
 */
import { createServer } from "node:http";

/** @returns {Promise<{url: string, bills: object[], stop: () => Promise<void>}>} */
export async function startFacade(simulatorUrl) {
  const bills = [];
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => response.destroy(error));
  });

  async function handle(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const before = await readCount(simulatorUrl);
    const headers = Object.fromEntries(
      ["authorization", "x-api-key", "x-goog-api-key", "content-type"].flatMap((name) =>
        request.headers[name] === undefined ? [] : [[name, request.headers[name]]],
      ),
    );
    const answer = await fetch(`${simulatorUrl}${request.url}`, { method: request.method, headers, body });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const after = await readCount(simulatorUrl);
    bills.push(billOf(JSON.parse(body.toString("utf8")), { path: request.url, status: answer.status, before, after }));
    const type = answer.headers.get("content-type") ?? "";
    response.writeHead(answer.status, { "content-type": type });
    const isEnriched = type.startsWith("application/json") && answer.ok;
    response.end(isEnriched ? enrich(bytes.toString("utf8"), body.toString("utf8")) : bytes);
  }

  await new Promise((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}`, bills, stop };
}

async function readCount(simulatorUrl) {
  return (await fetch(`${simulatorUrl}/__count`)).json();
}

function billOf(request, { path, status, before, after }) {
  return {
    path,
    status,
    model: request.model ?? /\/models\/([^:]+):/.exec(path)?.[1],
    stream: request.stream === true || path.includes(":stream"),
    input_tokens: after.input_tokens - before.input_tokens,
    output_tokens: after.output_tokens - before.output_tokens,
    nano_usd: String(BigInt(after.nano_usd) - BigInt(before.nano_usd)),
  };
}

function enrich(text, request) {
  const answer = JSON.parse(text);
  if (request.includes("[think]")) addReasoning(answer.usage);
  // The tool's result comes back in the next request, which is then answered in words.
  const isAnswered = /"role":"tool"|function_call_output|tool_result/.test(request);
  if (request.includes("[tool]") && !isAnswered) addToolCall(answer, JSON.parse(request));
  return JSON.stringify(answer);
}

function addReasoning(usage) {
  const details = usage.completion_tokens_details ?? usage.output_tokens_details;
  if (details !== undefined)
    details.reasoning_tokens = Math.floor((usage.completion_tokens ?? usage.output_tokens) / 2);
}

function addToolCall(answer, request) {
  const tool = request.tools?.[0];
  const call = { id: "call_1", arguments: '{"order":"A-17"}' };
  if (answer.object === "chat.completion") {
    answer.choices[0].message = {
      role: "assistant",
      content: null,
      tool_calls: [
        { id: call.id, type: "function", function: { name: tool.function.name, arguments: call.arguments } },
      ],
    };
    answer.choices[0].finish_reason = "tool_calls";
  } else if (answer.object === "response") {
    const item = { type: "function_call", id: "fc_1", call_id: call.id, name: tool.name, arguments: call.arguments };
    answer.output = [{ ...item, status: "completed" }];
  } else {
    answer.content = [{ type: "tool_use", id: call.id, name: tool.name, input: JSON.parse(call.arguments) }];
    answer.stop_reason = "tool_use";
  }
}
