/** What of a request does not depend on its API: whose it is, its bytes, and the members of a form. */
import type { IncomingMessage } from "node:http";

const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** `undefined`: it is none. */
export type Form = Readonly<Record<string, unknown>> | undefined;

/** OpenAI's SDK sends a bearer token, or to Azure `api-key`, Anthropic's `x-api-key`, Google's `x-goog-api-key`. The key names the account in the books. */
export function readKey(request: IncomingMessage): string {
  const key = request.headers["x-api-key"] ?? request.headers["x-goog-api-key"] ?? request.headers["api-key"];
  if (typeof key === "string") return key;
  const { authorization = "" } = request.headers;
  const signed = /^AWS4-HMAC-SHA256 Credential=([^/]+)/.exec(authorization);
  return signed?.[1] ?? /^Bearer (.+)$/i.exec(authorization)?.[1] ?? "";
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) throw new RangeError(`request body above ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A form with files, as the members that the same API has in JSON; of a file its length. */
export async function readForm(request: IncomingMessage, bytes: Buffer): Promise<Form> {
  const type = request.headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) return undefined;
  const form = await new Response(new Uint8Array(bytes), { headers: { "content-type": type } }).formData();
  return Object.fromEntries(
    [...form.entries()].map(([name, value]) => [name, typeof value === "string" ? value : { bytes: value.size }]),
  );
}
