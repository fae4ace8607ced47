/** Goal: the commonest trouble at a start, a port that is taken, is told with the setting to change, and leaves nothing running. */
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Workspace } from "../../../src/demo/processor-process.ts";
import { createWorkspace } from "../../support/workspace.ts";
import { tollgate } from "../../support/tollgate-cli.ts";

let workspace: Workspace;
let blocker: Server;
let taken = "";

beforeAll(async () => {
  workspace = await createWorkspace({ governance: "", config: "" });
  blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
  taken = `127.0.0.1:${(blocker.address() as { port: number }).port}`;
});

afterAll(async () => {
  await new Promise((resolve) => blocker.close(resolve));
  await workspace.remove();
});

it.each(["api.endpoint", "storage.embedded.endpoint"])("%s names itself and the address", async (setting) => {
  const at = (name: string): string => (name === setting ? taken : "127.0.0.1:0");
  const file = join(workspace.path, "taken.yaml");
  await writeFile(
    file,
    `receivers: { otlp: { protocols: { http: { endpoint: 127.0.0.1:0 }, grpc: { endpoint: 127.0.0.1:0 } } } }
api: { endpoint: "${at("api.endpoint")}" }
storage: { embedded: { endpoint: "${at("storage.embedded.endpoint")}" } }
`,
  );
  const { code, stderr } = await tollgate(["serve", "--config", file, "--data-dir", workspace.dataDir]);
  expect(code).toBe(1);
  expect(stderr).toContain(`tollgate: \`${setting}\`: cannot `);
  expect(stderr).toContain(`address already in use ${taken}`);
  expect(stderr).not.toContain("    at ");
});

it("a data directory that can't be used is told before anything starts", async () => {
  const file = join(workspace.path, "a-file");
  await writeFile(file, "");
  const { code, stderr } = await tollgate(["serve", "--data-dir", file]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("the data directory can't be used")]);
});
