import { describe, expect, it } from "vitest";
import { otlpReceiverConfig } from "../../../../src/receivers/otlp/config.ts";

describe("receivers.otlp", () => {
  const defaults = otlpReceiverConfig.parse({});

  it("serves both protocols on loopback, at the ports that every exporter knows", () => {
    expect(defaults.protocols.http.endpoint).toBe("127.0.0.1:4318");
    expect(defaults.protocols.grpc.endpoint).toBe("127.0.0.1:4317");
  });

  it("takes `http:` and `grpc:` with nothing after them, as the Collector does", () => {
    expect(otlpReceiverConfig.parse({ protocols: { http: null, grpc: null } })).toEqual(defaults);
    expect(otlpReceiverConfig.parse({ protocols: { grpc: null } })).toEqual(defaults);
  });

  it.each([
    ["a certificate without its key", { tls: { cert_file: "a.pem" } }],
    ["a key of `tls` that does not exist", { tls: { cert_file: "a", key_file: "b", insecure: true } }],
    ["a message size beyond what gRPC can say", { max_recv_msg_size_mib: 5_000 }],
    ["a part of a MiB", { max_recv_msg_size_mib: 0.5 }],
    ["no connection at all", { connections_max: 0 }],
  ])("refuses %s", (_what, grpc) => {
    expect(otlpReceiverConfig.safeParse({ protocols: { grpc } }).success).toBe(false);
  });
});
