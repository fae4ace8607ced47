/** Protobuf, written: for the spans that the gate sends, and for what a processor sends on. Pure. */
export { ProtobufWriter } from "./protobuf-writer.ts";
