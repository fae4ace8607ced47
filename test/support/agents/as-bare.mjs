/**
 * What an app sees of the Stainless SDKs beyond their answers: kinds and looks of errors, promises, streams, clients. Prints a line for each
 * thing, and at the end which rejections nobody handled. Started bare and registered, it is to print the same.
 */
import { inspect } from "node:util";
import Anthropic, * as anthropicPackage from "@anthropic-ai/sdk";
import OpenAI, * as openaiPackage from "openai";

const [url] = process.argv.slice(2);
const chat = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 };
const openai = (options) => new OpenAI({ apiKey: "k", baseURL: `${url}/v1`, maxRetries: 0, ...options });
const anthropic = (options) => new Anthropic({ apiKey: "k", baseURL: url, maxRetries: 0, ...options });
const LIBRARIES = {
  chat: {
    Client: OpenAI,
    names: openaiPackage,
    make: openai,
    resource: (client) => client.chat.completions,
    body: chat,
  },
  responses: {
    Client: OpenAI,
    names: openaiPackage,
    make: openai,
    resource: (client) => client.responses,
    body: { model: "gpt-4o-mini", input: "hi", max_output_tokens: 50 },
  },
  messages: {
    Client: Anthropic,
    names: anthropicPackage,
    make: anthropic,
    resource: (client) => client.messages,
    body: { model: "claude-haiku-4-5", max_tokens: 50, messages: chat.messages },
  },
};

const unhandled = [];
process.on("unhandledRejection", (error) => unhandled.push(`${error?.constructor.name}: ${error?.message}`));
process.on("exit", () =>
  console.log("unhandled", JSON.stringify(unhandled.toSorted((one, other) => (one < other ? -1 : 1)))),
);

/** Without what differs from run to run: where it runs, when, and whose code is in a stack. */
const plain = (text) =>
  String(text)
    .replaceAll(url, "URL")
    .replaceAll(/ +(?:at |\.\.\. \d+ lines matching).*\n?/g, "")
    .replaceAll(/date: '.*?'/g, "date");

function look(error) {
  const classes = [];
  for (let type = error; (type = Object.getPrototypeOf(type)) !== Object.prototype;)
    classes.push(type.constructor.name);
  const { status, code, param, type, cause, headers } = error;
  return {
    classes,
    own: Reflect.ownKeys(error).map(String),
    keys: Object.keys(error),
    text: plain(error),
    json: JSON.stringify(error),
    tag: Object.prototype.toString.call(error),
    told: [status, code, param, type, error.error, error.request_id ?? error.requestID, headers?.get?.("x-request-id")],
    cause: cause && [cause.constructor.name, cause.message],
    looks: plain(inspect(error, { depth: 1 })),
    stack: plain(error.stack),
  };
}

async function show(name, work) {
  let seen;
  try {
    seen = await work();
  } catch (error) {
    seen = { thrown: look(error) };
  }
  console.log(`${name}:`, plain(JSON.stringify(seen)));
}

function keysOf(object) {
  const own = Reflect.ownKeys(object).filter((key) => !String(key).includes("tollgate"));
  return own.map((key) => {
    const { enumerable, writable, configurable, value } = Object.getOwnPropertyDescriptor(object, key);
    return [String(key), enumerable, writable, configurable, typeof value, value?.name, value?.length];
  });
}

const shape = (value) =>
  typeof value === "object" && value !== null
    ? [Object.getPrototypeOf(value)?.constructor?.name, keysOf(value), Object.values(value).map(shape)]
    : typeof value;

async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

const failing = (fault) => ({ headers: { "x-fault": fault } });
/** Given up by the app, or by its own time-out. */
const SLOW = failing("slow");
const PACED = failing("pace");

const nameOf = (error) => error.constructor.name;

for (const [name, { Client, names, make, resource, body }] of Object.entries(LIBRARIES)) {
  const client = make();
  const call = (more, options, by = client) => resource(by).create({ ...body, ...more }, options);
  const stream = (options) => call({ stream: true }, options);
  const is = (what, work) => show(`${name}: ${what}`, work);

  for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503]) {
    await is(`an error ${status}`, async () => {
      const error = await call({}, failing(`${status}`)).catch((thrown) => thrown);
      const types = Object.entries({ ...names, ...Object.fromEntries(Object.entries(Client)) });
      const isOf = types.filter(([, type]) => typeof type === "function" && type.prototype && error instanceof type);
      return [look(error), isOf.map(([key]) => key).toSorted()];
    });
  }
  for (const fault of ["cut", "garbage"]) await is(`an answer that is ${fault}`, () => call({}, failing(fault)));
  await is("a stream that is refused", () => stream(failing("429")));
  await is("a stream that is cut", async () => all(await stream(failing("cut-stream"))));
  await is("a time-out", () => call({}, { ...SLOW, timeout: 50 }));
  await is("the client's time-out", () => call({}, SLOW, make({ timeout: 50 })));
  await is("a signal made of several", () => {
    const signal = AbortSignal.any([AbortSignal.timeout(40), new AbortController().signal]);
    return call({}, { ...SLOW, signal });
  });
  await is("a reason of the app's own", async () => {
    const leaving = new AbortController();
    const answer = call({}, { ...SLOW, signal: leaving.signal });
    setImmediate(() => leaving.abort(new TypeError("the app's own")));
    return answer;
  });

  await is("an answer's shape", async () => shape(await call()));
  await is("an answer's looks", async () => inspect(await call(), { depth: 9, showHidden: true }));
  await is("the promise's shape", async () => {
    const promise = call();
    const type = Object.getPrototypeOf(promise);
    const seen = [keysOf(promise), keysOf(type), type.constructor.name, inspect(promise, { depth: 0 })];
    return [...seen, (await promise) === (await promise)];
  });
  await is("the promise's methods", async () => {
    const promise = call();
    const kinds = [promise.then((answer) => answer), promise.catch(() => {}), promise.finally(() => 3)];
    const ends = await Promise.all(kinds);
    return [
      promise.then === promise.then,
      kinds.map(nameOf),
      ends.map(({ id }) => id),
      Promise.resolve(promise) === promise,
    ];
  });
  for (const fault of ["400", "cut", "garbage"]) {
    const bad = () => call({}, failing(fault));
    await is(`nobody waits (${fault})`, () => void bad());
    await is(`nobody looks at what follows (${fault})`, () => void bad().then(() => {}));
    await is(`nobody looks at the response (${fault})`, () => void bad().asResponse());
    await is(`nobody looks at both (${fault})`, () => void bad().withResponse());
    await is(`the response, then the answer (${fault})`, async () => {
      const promise = bad();
      const response = await promise.asResponse().then(() => "a response", nameOf);
      return [response, await promise.catch(nameOf)];
    });
    await is(`all three (${fault})`, async () => {
      const promise = bad();
      const ends = await Promise.allSettled([promise.withResponse(), promise.asResponse(), promise]);
      return ends.map(({ status, reason }) => [status, reason && nameOf(reason)]);
    });
  }
  await is("an answer that nobody waits for", () => void call());
  await is("a stream that nobody reads", async () => typeof (await stream()));

  await is("the response, then the answer", async () => {
    const promise = call();
    const response = await promise.asResponse();
    const { id } = await promise;
    return [response.bodyUsed, id, response === (await promise.asResponse())];
  });
  await is("a response's looks", async () => inspect(await call().asResponse(), { depth: 1 }));
  await is("a response's own readers", async () => {
    const [piped, shared, filled] = await Promise.all([1, 2, 3].map(() => stream().asResponse()));
    let text = "";
    const decoder = new TextDecoder();
    await piped.body.pipeTo(new WritableStream({ write: (chunk) => void (text += decoder.decode(chunk)) }));
    const [one, other] = shared.body.tee();
    const reader = filled.body.getReader({ mode: "byob" });
    let length = 0;
    for (let next; (next = await reader.read(new Uint8Array(7))).done === false;) length += next.value.length;
    const halves = await Promise.all([new Response(one).text(), new Response(other).text()]);
    return [text, halves, length, piped.bodyUsed, shared.body.locked];
  });

  await is("a stream's shape", async () => {
    const events = await stream();
    const seen = [
      keysOf(events),
      keysOf(Object.getPrototypeOf(events)),
      inspect(events, { depth: 0 }),
      JSON.stringify(events),
    ];
    await all(events);
    return seen;
  });
  await is("an iterator's shape", async () => {
    const iterator = (await stream())[Symbol.asyncIterator]();
    const seen = [inspect(iterator), iterator[Symbol.asyncIterator]() === iterator, Reflect.ownKeys(iterator)];
    return [...seen, await iterator.return()];
  });
  for (const steps of [0, 1]) {
    const begun = async () => {
      const events = await stream(PACED);
      const iterator = events[Symbol.asyncIterator]();
      for (let left = steps; left > 0; left -= 1) await iterator.next();
      return [events, iterator];
    };
    await is(`an error that is thrown into a stream after ${steps}`, async () => {
      const [events, iterator] = await begun();
      const end = await iterator.throw(new TypeError("the app's own")).catch(({ message }) => message);
      return [end, events.controller.signal.aborted, await iterator.next()];
    });
    await is(`a stream that is left after ${steps}`, async () => {
      const [events, iterator] = await begun();
      return [await iterator.return("left"), events.controller.signal.aborted, await iterator.next()];
    });
  }
  await is("several reads at once", async () => {
    const iterator = (await stream())[Symbol.asyncIterator]();
    return Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.return()]);
  });
  await is("a second reader", async () => {
    const events = await stream();
    for await (const _ of events) break;
    return all(events);
  });
  await is("a controller that aborts for a reason", async () => {
    const events = await stream(PACED);
    const seen = [];
    for await (const event of events) {
      seen.push(event);
      events.controller.abort(new RangeError("the app's own"));
    }
    return [seen, events.controller.signal.reason.message];
  });

  await is("a client's shape", () => [keysOf(Object.getPrototypeOf(make())), Object.keys(make()._options)]);
  await is("a resource's shape", () => [
    keysOf(resource(client)).map(([key]) => key),
    keysOf(Object.getPrototypeOf(resource(client))),
  ]);
  await is("a method with its object", async () => (await resource(client).create.bind(resource(client))(body)).id);
  await is("a method without its object", () => (0, resource(client).create)(body));
  await is("a copy of a client", async () => {
    const copy = client.withOptions({ timeout: 77_000 });
    return [
      nameOf(copy),
      copy instanceof Client,
      copy.timeout,
      Object.keys(copy._options),
      (await call({}, {}, copy)).id,
    ];
  });
  await is("what is frozen", async () => {
    const frozen = Object.freeze({ ...body, messages: body.messages && Object.freeze(body.messages) });
    const answer = await resource(Object.freeze(make())).create(frozen, Object.freeze({}));
    return [answer.id, await all(await resource(client).create(Object.freeze({ ...frozen, stream: true })))];
  });
  await is("a client behind a proxy", async () => {
    const asked = [];
    const proxied = (object) =>
      new Proxy(object, {
        get(target, key) {
          const value = Reflect.get(target, key, target);
          asked.push(String(key));
          if (typeof value === "function") return value.bind(target);
          return typeof value === "object" && value !== null ? proxied(value) : value;
        },
      });
    return [(await call({}, {}, proxied(client))).id, asked];
  });
  for (const method of ["post", "request", "methodRequest", "makeRequest"]) {
    await is(`a spy in the place of ${method}`, async () => {
      const spied = make();
      const original = spied[method];
      const calls = [];
      spied[method] = function (...given) {
        calls.push([this === spied, given.length]);
        return original.apply(this, given);
      };
      return [(await call({}, {}, spied)).id, calls];
    });
  }
  await is("the app's own fetch", async () => {
    const seen = [];
    const own = async (input, init) => {
      const { method, body: sent, headers, signal } = init;
      seen.push([
        `${input}`,
        Object.keys(init).toSorted(),
        method,
        sent,
        [...new Headers(headers).keys()],
        signal.aborted,
      ]);
      return fetch(input, init);
    };
    return [(await call({}, {}, make({ fetch: own }))).id, seen];
  });
  const json = { headers: { "content-type": "application/json" } };
  const answers = {
    "next to nothing": () => new Response('{"id":"x","choices":[],"output":[],"content":[],"usage":null}', json),
    "no body": () => new Response(null, json),
    "no content": () => new Response(null, { status: 204 }),
    "an error": () => Promise.reject(new RangeError("no network")),
    "an error at once": () => {
      throw new RangeError("no network");
    },
  };
  for (const [what, answer] of Object.entries(answers))
    await is(`a fetch that gives ${what}`, () => call({}, {}, make({ fetch: async () => answer() })));
  await is("the SDK's own retries", async () => {
    const counts = [];
    const own = async (_input, { headers }) => {
      counts.push(new Headers(headers).get("x-stainless-retry-count"));
      return new Response("{}", { status: 503, headers: { "retry-after-ms": "1" } });
    };
    return [look(await call({}, {}, make({ maxRetries: 2, fetch: own })).catch((error) => error)), counts];
  });
  await is("a subclass", async () => {
    const seen = [];
    class Own extends Client {}
    for (const method of ["prepareOptions", "prepareRequest", "fetchWithTimeout", "buildRequest", "makeStatusError"]) {
      Own.prototype[method] = function (...given) {
        seen.push([method, given.length]);
        return Client.prototype[method].apply(this, given);
      };
    }
    const own = new Own(client._options);
    const answer = await call({}, {}, own);
    await call({}, failing("400"), own).catch((error) => seen.push(nameOf(error)));
    return [answer.id, own instanceof Client, nameOf(own), seen];
  });

  await is("a body that tells itself as JSON", async () => {
    const sent = [];
    const own = (input, init) => (sent.push(init.body), fetch(input, init));
    class Told {
      #body = body;
      model = body.model;
      toJSON = () => this.#body;
    }
    const path = name === "messages" ? "/v1/messages" : name === "chat" ? "/chat/completions" : "/responses";
    return [(await make({ fetch: own }).post(path, { body: new Told() })).id, sent];
  });
  await is("no body", () => resource(client).create());
  await is("a body that is no JSON", () => call({ seed: 3n }));
  await is("options that fail", () => client.post("/chat/completions", Promise.reject(new TypeError("the app's own"))));

  const helper = (options) => resource(client).stream(body, options);
  const EVENTS = [
    "connect",
    "chunk",
    "event",
    "streamEvent",
    "text",
    "content",
    "message",
    "finalMessage",
    "error",
    "abort",
    "end",
  ];
  const heard = (runner) => {
    const seen = [];
    for (const event of EVENTS) runner.on(event, (given) => seen.push([event, given?.constructor?.name]));
    return seen;
  };
  const ended = (runner) => [runner.aborted, runner.errored, runner.ended, nameOf(runner)];
  await is("a helper", async () => {
    const runner = helper();
    const seen = heard(runner);
    await runner.done();
    return [seen, ended(runner)];
  });
  await is("a helper that fails", async () => {
    const runner = helper(failing("400"));
    const seen = heard(runner);
    return [look(await runner.done().catch((error) => error)), seen, ended(runner)];
  });
  await is("a helper that nobody looks at", () => void helper(failing("400")));
  await is("a helper that is given up", async () => {
    const runner = helper(PACED);
    const seen = heard(runner);
    runner.once(name === "chat" ? "chunk" : name === "messages" ? "streamEvent" : "event", () => runner.abort());
    return [look(await runner.done().catch((error) => error)), seen, ended(runner)];
  });
}
