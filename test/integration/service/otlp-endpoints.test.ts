/**
 * Goal: a processor serves OTLP over gRPC as its files and its words say, with TLS where that is configured.
 * Method: real processors as child processes, found through their ready file.
 */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { ChannelCredentials } from "@grpc/grpc-js";
import { afterEach, expect, it } from "vitest";
import { ProcessorProcess, type Workspace } from "../../../src/demo/processor-process.ts";
import { createWorkspace } from "../../support/workspace.ts";
import { waitFor } from "../../../src/demo/wait.ts";
import { createAuthority } from "../../support/certificates.ts";
import { GrpcSender } from "../../support/grpc-sender.ts";
import { tollgate } from "../../support/tollgate-cli.ts";

const sdkProtobuf = readFileSync(join(import.meta.dirname, "../../fixtures/otlp/sdk-3.1.0.bin"));
const KEY = "key-of-shop-0123456789";

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of cleanup.splice(0).toReversed()) await each();
});

async function workspaceWith(config = ""): Promise<Workspace> {
  const workspace = await createWorkspace({ governance: "", config });
  cleanup.push(() => workspace.remove());
  return workspace;
}

/** A config of its own, beside the one that `createWorkspace` makes. */
async function configFile(workspace: Workspace, protocols: string): Promise<string> {
  const file = join(workspace.path, "own.yaml");
  await writeFile(
    file,
    `receivers: { otlp: { protocols: ${protocols} } }
api: { endpoint: 127.0.0.1:0 }
storage: { embedded: { endpoint: 127.0.0.1:0 } }
governance: { paths: [./governance] }
`,
  );
  return file;
}

it("spans over gRPC, with the agent's key, are in ClickHouse", async () => {
  const workspace = await workspaceWith(`auth: { agents: [{ agents: ["shop"], key: "${KEY}" }] }\n`);
  const lines: string[] = [];
  const processor = await ProcessorProcess.start({ workspace, onStderrLine: (line) => lines.push(line) });
  cleanup.push(() => processor.stop());
  const { otlp_grpc: url } = processor.endpoints;
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  await waitFor(async () => lines.find((line) => line.includes(`OTLP/gRPC     ${url}`)), {
    what: "the announcement",
    timeoutMs: 60_000,
  });
  const sender = new GrpcSender(url);
  cleanup.push(() => sender.close());
  expect(await sender.send(sdkProtobuf)).toMatchObject({ status: "UNAUTHENTICATED" });
  const metadata = { authorization: `Bearer ${KEY}` };
  expect(await sender.send(sdkProtobuf, { metadata })).toMatchObject({ status: "OK" });
  await waitFor(
    async () => {
      const [row] = (await processor.cli("sql", "SELECT toUInt32(count()) AS n FROM spans")) as { n: number }[];
      return row?.n === 2 ? true : undefined;
    },
    { what: "the spans in ClickHouse", timeoutMs: 60_000 },
  );
});

it("paths of certificates are relative to the file, the ready file says https, and what replaces them is in force", async () => {
  const workspace = await workspaceWith();
  const authority = createAuthority("test authority");
  const { cert, key } = authority.issue("server");
  await writeFile(join(workspace.path, "server.pem"), cert);
  await writeFile(join(workspace.path, "server-key.pem"), key);
  const protocol = "{ endpoint: 127.0.0.1:0, tls: { cert_file: server.pem, key_file: ./server-key.pem } }";
  const file = await configFile(workspace, `{ http: ${protocol}, grpc: ${protocol} }`);
  const readyFile = join(workspace.path, "ready.json");
  const controller = new AbortController();
  const args = ["serve", "--config", file, "--data-dir", workspace.dataDir, "--ready-file", readyFile];
  const serving = tollgate(args, { signal: controller.signal });
  cleanup.push(async () => {
    controller.abort();
    await serving;
  });
  const endpoints = await waitFor(
    async () => {
      try {
        return JSON.parse(readFileSync(readyFile, "utf8")) as { otlp_http: string; otlp_grpc: string };
      } catch {
        return undefined;
      }
    },
    { what: "the ready file", timeoutMs: 60_000 },
  );
  expect(endpoints.otlp_http).toMatch(/^https:/);
  expect(endpoints.otlp_grpc).toMatch(/^https:/);
  const statusFor = async (ca: string): Promise<string> => {
    const sender = new GrpcSender(endpoints.otlp_grpc, { credentials: ChannelCredentials.createSsl(Buffer.from(ca)) });
    const { status } = await sender.send(sdkProtobuf);
    sender.close();
    return status;
  };
  expect(await statusFor(authority.cert)).toBe("OK");
  const successor = createAuthority("the next authority");
  const next = successor.issue("server");
  await writeFile(join(workspace.path, "server.pem"), next.cert);
  await writeFile(join(workspace.path, "server-key.pem"), next.key);
  await waitFor(async () => ((await statusFor(successor.cert)) === "OK" ? true : undefined), {
    what: "the certificate of the next authority",
    timeoutMs: 60_000,
  });
  expect(await statusFor(authority.cert)).toBe("UNAVAILABLE");
});

it("a start without its certificate is refused with file, line and key", async () => {
  const workspace = await workspaceWith();
  const file = await configFile(
    workspace,
    "{ grpc: { endpoint: 127.0.0.1:0, tls: { cert_file: a.pem, key_file: b.pem } } }",
  );
  const { code, stderr } = await tollgate(["serve", "--config", file, "--data-dir", workspace.dataDir]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/own\.yaml:1:\d+: receivers\.otlp\.protocols\.grpc\.tls\.cert_file: no such file/);
});

it("a start whose gRPC port is taken names the setting and the port, and leaves nothing running", async () => {
  const workspace = await workspaceWith();
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
  cleanup.push(() => new Promise((resolve) => blocker.close(resolve)));
  const { port } = blocker.address() as { port: number };
  const file = await configFile(
    workspace,
    `{ http: { endpoint: 127.0.0.1:0 }, grpc: { endpoint: 127.0.0.1:${port} } }`,
  );
  const { code, stderr } = await tollgate(["serve", "--config", file, "--data-dir", workspace.dataDir]);
  expect(code).toBe(1);
  expect(stderr).toContain(`tollgate: \`receivers.otlp.protocols.grpc.endpoint\`: cannot listen on 127.0.0.1:${port}`);
  expect(stderr).not.toContain("    at ");
});
