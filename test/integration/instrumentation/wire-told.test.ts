/**
 * Goal: what the gate has read and priced is what is sent, and it is what the app had said when it called. Method: the app changes each thing
 * right after the call, which without the gate changes nothing: `fetch` and undici have read it by then. What the provider gets is compared.
 */
import { request as undiciRequest } from "undici";
import { expect, it } from "vitest";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { chatCompletion } from "../../support/scripted-provider.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const wire = useGatedWire(() => ({ json: chatCompletion({ input: 12, output: 5 }) }));

const chat = (content: string): string =>
  JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content }], max_tokens: 50 });

/** Each answers what the app sees of it afterwards. */
const CHANGES: Readonly<Record<string, (url: string) => Promise<unknown>>> = {
  async "its bytes"(url) {
    const body = Buffer.from(chat("one"));
    const sent = fetch(url, { method: "POST", body });
    body.write(chat("two"));
    return (await sent).status;
  },
  async "its URL"(url) {
    const target = new URL(url);
    const sent = fetch(target, { method: "POST", body: chat("one") });
    target.pathname = "/elsewhere";
    return (await sent).status;
  },
  async "its headers and body, for the next"(url) {
    const init = { method: "POST", headers: new Headers({ "x-number": "1" }), body: chat("one") };
    const first = await sendAndChange(url, init);
    return [first, (await fetch(url, init)).status];
  },
  async "a Request, which is used"(url) {
    const request = new Request(url, { method: "POST", body: chat("one") });
    const sent = fetch(request);
    const seen = [request.bodyUsed];
    request.headers.set("x-number", "2");
    await sent;
    return [...seen, request.bodyUsed, await fetch(request).catch((error: unknown) => String(error))];
  },
  async "a Request with another body"(url) {
    const request = new Request(url, { method: "POST", body: chat("one") });
    const { status } = await fetch(request, { method: "POST", body: chat("two") });
    return [status, request.bodyUsed];
  },
  async "the headers of undici"(url) {
    const headers = { "x-number": "1" };
    const sent = undiciRequest(url, { method: "POST", headers, body: chat("one") });
    headers["x-number"] = "2";
    const { statusCode, body } = await sent;
    await body.dump();
    return statusCode;
  },
};

async function sendAndChange(url: string, init: { headers: Headers; body: string }): Promise<number> {
  const sent = fetch(url, init);
  init.headers.set("x-number", "2");
  init.body = chat("two");
  return (await sent).status;
}

/** What the provider got, and what the app saw. */
async function outcome(work: (url: string) => Promise<unknown>, url: string): Promise<unknown> {
  const before = wire.provider.requests.length;
  const seen = await work(url);
  const got = wire.provider.requests.slice(before).map(({ path, body, headers }) => [path, body, headers["x-number"]]);
  return { seen, got };
}

const cases = Object.entries(CHANGES);

it.each(cases)("sends what it has read, whatever the app changes then: %s", async (_name, work) => {
  const url = `${wire.provider.url}/v1/chat/completions`;
  const bare = await outcome(work, url);
  wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
  expect(await outcome(work, url)).toEqual(bare);
});

it.each(cases)("sends what it was told before it had to wait for the fleet's list: %s", async (_name, work) => {
  const bare = await outcome(work, `${wire.provider.url}/anything`);
  wire.start({ transport: new MemoryLedger(10n ** 9n) });
  expect(await outcome(work, `${wire.provider.url}/anything`)).toEqual(bare);
});

it("sends a call whatever the app has put in the place of `Request`, and reads a body that says it is a form", async () => {
  wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
  const own = globalThis.Request;
  globalThis.Request = class Foreign {} as unknown as typeof Request;
  try {
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const url = `${wire.provider.url}/v1/chat/completions`;
    const response = await fetch(url, { method: "POST", headers, body: chat("one") });
    expect([response.status, globalThis.Request.name]).toEqual([200, "Foreign"]);
    await response.text();
    expect(wire.gated.spans().map(({ attributes }) => attributes["gen_ai.request.model"])).toEqual(["gpt-4o-mini"]);
  } finally {
    globalThis.Request = own;
  }
});

const post = { method: "POST", body: chat("one") };

/** Forms of what `fetch` takes, to be sent, or refused, as without the gate. */
const FORMS: Readonly<Record<string, readonly [input: (url: string) => unknown, init: unknown]>> = {
  "text and an object": [String, { ...post, headers: { "content-type": "application/json", "X-Number": " 1 " } }],
  "a URL, without headers": [(url) => new URL(url), post],
  "a name in two cases": [String, { ...post, headers: { "x-number": "1", "X-Number": "2" } }],
  "a number in the headers": [String, { ...post, headers: { "x-number": 1 } }],
  "a list of headers": [String, { ...post, headers: [["x-number", "1"]] }],
  "half of a letter": [String, { ...post, body: chat("one").replace("one", "\ud800") }],
  "a method in another case": [String, { ...post, method: "post" }],
  "members from a prototype": [String, Object.create({ ...post, headers: { "x-number": "1" } })],
  "more members": [String, { ...post, redirect: "error", keepalive: true, credentials: "omit", duplex: "half" }],
  "no signal": [String, { ...post, signal: null }],
  "no header": [String, { ...post, headers: { "x number": "1" } }],
  "no value of a header": [String, { ...post, headers: { "x-number": "1\n2" } }],
  "somebody's name in the address": [(url) => url.replace("//", "//ada:secret@"), post],
  "a member that `fetch` refuses": [String, { ...post, redirect: "sometimes" }],
  "no body": [String, { method: "POST" }],
  "a signal that has spoken": [String, { ...post, signal: AbortSignal.abort(new RangeError("enough")) }],
  "no signal but something": [String, { ...post, signal: {} }],
};

it.each(Object.entries(FORMS))(
  "sends or refuses what `fetch` does, and as it does: %s",
  async (_name, [input, init]) => {
    const run = async (): Promise<unknown> => {
      const before = wire.provider.requests.length;
      const url = `${wire.provider.url}/v1/chat/completions`;
      const seen = await fetch(input(url) as string, init as RequestInit).then(
        async (response) => [response.status, response.url, await response.text()],
        (error: unknown) => String(error),
      );
      return { seen, got: wire.provider.requests.slice(before).map(({ body, headers }) => [body, headers]) };
    };
    const bare = await run();
    wire.start({ env: { TOLLGATE_BUDGET: "$1" } });
    expect(await run()).toEqual(bare);
    // What was refused by `fetch` itself costs nothing.
    const costs = wire.gated.spans().map(({ attributes }) => Number(attributes["tollgate.cost.nano_usd"]));
    const isCall = wire.provider.requests.length > 0 && "body" in Object(init);
    expect(costs.reduce((sum, cost) => sum + cost, 0)).toBe(isCall ? 12 * 150 + 5 * 600 : 0);
  },
);
