/** HTTP without a client: what is sent and what comes back, byte for byte. */
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";

/** An answer, whatever its status. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

/** A request; by default a POST to `/`. */
export interface Send {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly path?: string;
}

export async function sendTo(
  url: string,
  { parameters = {}, body, headers = {}, method = "POST", path = "/" }: Send,
): Promise<Reply> {
  const target = new URL(`${path}?${new URLSearchParams(parameters).toString()}`, url);
  return new Promise((resolve, reject) => {
    const request = httpRequest(target, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: bytes,
          text: bytes.toString("utf8"),
        });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}
