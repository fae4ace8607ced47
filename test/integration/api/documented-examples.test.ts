/** What docs/reservations.md tells people to send is answered as it says: the curl lines and the Python program, request by request. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { Reserver } from "./reserver.ts";

interface Example {
  readonly path: string;
  readonly body: object;
  readonly key: string | undefined;
}

const text = await readFile(new URL("../../../docs/reservations.md", import.meta.url), "utf8");

/** Each is a line with the address, and one with the body. */
function curlExamples(): Example[] {
  const found = text.matchAll(/^ {4}curl -s http:\/\/127\.0\.0\.1:4320(\S+) (.*)\\\n\s+-d '(.*)'$/gm);
  return [...found].map(([, path = "", headers = "", body = ""]) => ({
    path,
    body: JSON.parse(body) as object,
    key: /Idempotency-Key: ([^']+)/.exec(headers)?.[1],
  }));
}

/** Its literals are JSON too. */
function pythonExamples(): Example[] {
  const found = text.matchAll(/= post\(f?"([^"]+)",\s*(\{.*?\})(?:, key="([^"]+)")?\)$/gms);
  return [...found].map(([, path = "", body = "", key]) => ({
    path: `/v1${path}`,
    body: JSON.parse(body) as object,
    key,
  }));
}

it.each([
  ["curl", curlExamples(), ["/v1/reservations", "/v1/reservations/$ID/commit", "/v1/decisions"]],
  ["Python", pythonExamples(), ["/v1/reservations", "/v1/reservations/{held['id']}/commit"]],
] as const)("the examples in %s are accepted", async (_language, examples, paths) => {
  expect(examples.map(({ path }) => path)).toEqual(paths);
  const directory = await mkdtemp(join(tmpdir(), "tollgate-examples-"));
  const server = await Reserver.start({ directory });
  onTestFinished(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
  let id = "";
  for (const { path, body, key } of examples) {
    const headers: Record<string, string> = key === undefined ? {} : { "idempotency-key": key };
    const answer = await server.post(path.replace(/\$ID|\{held\['id'\]\}/, id), body, headers);
    expect(answer.status, JSON.stringify(answer.body)).toBe(path === "/v1/reservations" ? 201 : 200);
    id = typeof answer.body["id"] === "string" ? answer.body["id"] : id;
  }
  expect(server.budget()).toMatchObject({ settled: 207_000n, reserved: 0n });
});
