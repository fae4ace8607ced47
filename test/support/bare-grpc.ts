/** gRPC calls by hand on bare HTTP/2: for what no client would send. */
import { once } from "node:events";
import { type ClientHttp2Stream, connect } from "node:http2";

/** A stream on a connection of its own, with the headers of a gRPC call; whoever opens it destroys its session. */
export async function bareStream(
  url: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): Promise<ClientHttp2Stream> {
  const session = connect(url ?? "");
  await once(session, "connect");
  return session
    .request({
      ":method": "POST",
      ":path": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    })
    .on("error", () => {});
}

/** A message with its prefix: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export function frame(message: Buffer, isCompressed: boolean): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(isCompressed ? 1 : 0);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

export async function statusOf(stream: ClientHttp2Stream): Promise<string> {
  stream.resume();
  const [headers] = (await once(stream, "response")) as [Readonly<Record<string, string>>];
  if (headers["grpc-status"] !== undefined) return headers["grpc-status"];
  const [trailers] = (await once(stream, "trailers")) as [Readonly<Record<string, string>>];
  return trailers["grpc-status"] ?? "";
}
