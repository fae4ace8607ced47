/**
 * What gRPC asks of a server about compression and its transport leaves out: an unknown encoding is refused together with the
 * known ones, and a message that says it is packed where no encoding is named is refused, not taken for what it is not.
 * Both look at the transport's own call, which has no public word for either; without those fields it answers as it does.
 * https://github.com/grpc/grpc/blob/master/doc/compression.md
 */
import type { ServerHttp2Stream } from "node:http2";
import { type ServerInterceptingCall, status } from "@grpc/grpc-js";

export type CallStatus = Parameters<ServerInterceptingCall["sendStatus"]>[0];

/** The transport's own call. */
export interface TransportCall {
  readonly stream?: ServerHttp2Stream;
  readonly incomingEncoding?: string;
}

const IDENTITY = "identity";
/** What the transport unpacks; it says so itself wherever it sends headers. */
const KNOWN: readonly string[] = [IDENTITY, "gzip", "deflate"];

/** Why a call's messages can't be read. Goes with the transport's headers, in which the known encodings stand. */
export function encodingRefusal({ incomingEncoding }: TransportCall): CallStatus | undefined {
  if (incomingEncoding === undefined || KNOWN.includes(incomingEncoding)) return undefined;
  const details = `grpc-encoding must be ${KNOWN.join(", ")}`;
  return { code: status.UNIMPLEMENTED, details };
}

/** Calls `refuse` when the first message's flag says something that the call's encoding does not allow. */
export function checkFlag({ stream, incomingEncoding }: TransportCall, refuse: (why: CallStatus) => void): void {
  const flagMax = incomingEncoding === IDENTITY ? 0 : 1;
  // A message begins with it: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
  stream?.once("data", (bytes: Buffer) => {
    if ((bytes[0] ?? 0) > flagMax) refuse(WRONG_FLAG);
  });
}

const WRONG_FLAG: CallStatus = {
  code: status.INTERNAL,
  details: "the message's compressed flag is not one that its grpc-encoding allows",
};
