import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as undiciRequest } from "undici";
import { faultHeaders, readResponse, type Operations, type Setting } from "./operation.ts";

function messageOf(setting: Setting): {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
} {
  const { url, key, prompt, maxTokens = 50, random } = setting;
  const headers = { "content-type": "application/json", ...faultHeaders(setting) };
  const stream = random.chance(0.5) ? { stream: true } : {};
  const messages = [{ role: "user", content: prompt }];
  if (random.chance(0.3)) {
    const body = JSON.stringify({ model: "claude-haiku-4-5", max_tokens: maxTokens, messages, ...stream });
    return { url: `${url}/v1/messages`, headers: { ...headers, "x-api-key": key }, body };
  }
  if (random.chance(0.2)) {
    const path = stream.stream === true ? "streamGenerateContent?alt=sse" : "generateContent";
    const body = JSON.stringify({
      contents: [{ role: "user", parts: [{ text: prompt }] }],
      generationConfig: { maxOutputTokens: maxTokens },
    });
    return {
      url: `${url}/v1beta/models/gemini-2.5-flash:${path}`,
      headers: { ...headers, "x-goog-api-key": key },
      body,
    };
  }
  const asked = stream.stream === true && random.chance(0.3) ? { stream_options: { include_usage: true } } : {};
  const body = JSON.stringify({ model: "gpt-4o-mini", max_tokens: maxTokens, messages, ...stream, ...asked });
  return { url: `${url}/v1/chat/completions`, headers: { ...headers, authorization: `Bearer ${key}` }, body };
}

/** The same bytes in each form that `fetch` takes them in. */
function bodyOf(body: string, { random }: Setting): RequestInit & { readonly duplex?: "half" } {
  const bytes = Buffer.from(body);
  switch (random.below(7)) {
    case 0:
      return { body: bytes };
    case 1:
      return { body: new Blob([bytes]) };
    case 2:
      return { body: new Blob([bytes]).stream(), duplex: "half" };
    case 3:
      return {
        body: (async function* () {
          yield bytes.subarray(0, 9);
          yield bytes.subarray(9);
        })() as unknown as ReadableStream,
        duplex: "half",
      };
    case 4:
      return { body: new Uint8Array(bytes).buffer };
    default:
      return { body };
  }
}

export const wireOperations: Operations = {
  fetch: async (setting) => {
    const { url, headers, body } = messageOf(setting);
    const init = {
      method: "POST",
      headers,
      ...bodyOf(body, setting),
      ...(setting.signal === undefined ? {} : { signal: setting.signal }),
    };
    return readResponse(await fetch(url, init), setting);
  },
  "fetch of a Request": async (setting) => {
    const { url, headers, body } = messageOf(setting);
    const init = {
      method: "POST",
      headers,
      ...bodyOf(body, setting),
      ...(setting.signal === undefined ? {} : { signal: setting.signal }),
    };
    const request = new Request(url, init);
    const response = await fetch(request);
    setting.note([request.bodyUsed, request.method]);
    return readResponse(response, setting);
  },
  "undici.request": async (setting) => {
    const { url, headers, body } = messageOf(setting);
    const response = await undiciRequest(url, {
      method: "POST",
      headers,
      body,
      ...(setting.signal === undefined ? {} : { signal: setting.signal }),
    });
    setting.note([response.statusCode, response.headers]);
    return response.body.text();
  },
  "node:http": (setting) =>
    new Promise((resolve, reject) => {
      const { url, headers, body } = messageOf(setting);
      const { random, note } = setting;
      const request = httpRequest(
        url,
        { method: "POST", headers, ...(setting.signal === undefined ? {} : { signal: setting.signal }) },
        (response: IncomingMessage) => {
          note([response.statusCode, response.headers, response.httpVersion]);
          const leaves = random.chance(0.2);
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            text += chunk;
            if (leaves) response.destroy();
          });
          response.on("aborted", () => note("aborted"));
          response.on("error", (error) => note(error.message));
          // What is left may have come whole.
          if (!leaves) response.on("end", () => note(text));
        },
      );
      for (const name of ["error", "close", "finish", "abort", "timeout"]) request.on(name, () => note(name));
      // It is over when its socket is.
      let failure: unknown;
      request.on("error", (error) => (failure = error));
      request.on("close", () => (failure === undefined ? resolve("closed") : reject(failure as Error)));
      if (random.chance(0.5)) request.end(body);
      else {
        request.write(body.slice(0, 7));
        request.end(body.slice(7));
      }
    }),
};
