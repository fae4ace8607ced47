/**
 * Goal: what an app gives up costs nothing where nothing of it has left, and what was reserved where something has: over TLS, by each of Node's
 * clients and undici's, on the oldest and the newest Node. Method: one process a Node; the other end says when to give up (decision 83).
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAuthority } from "../support/certificates.ts";
import { OtlpBackend } from "../support/otlp-backend.ts";
import { PRELOAD } from "./agents.ts";
import { oldestFolder } from "./oldest.ts";

const SCRIPT = join(import.meta.dirname, "..", "support", "agents", "departure.mjs");
// Where the oldest libraries are fetched first.
const FETCH_MS_MAX = 900_000;
const WAYS = ["https", "https, kept alive", "http2", "fetch"];
/** The package wants a newer Node than the oldest. */
const UNDICIS = ["undici, HTTP/1", "undici, HTTP/2", "undici, interceptors", "undici, a proxy"];

const backend = new OtlpBackend({ protocol: "http" });
const authority = createAuthority("tests");
const own = authority.issue("localhost");
let folder: string;
let oldest: string;

beforeAll(async () => {
  oldest = oldestFolder();
  folder = mkdtempSync(join(tmpdir(), "tollgate-departure-"));
  writeFileSync(join(folder, "ca.pem"), authority.cert);
  await backend.start();
}, FETCH_MS_MAX);

afterAll(async () => {
  await backend.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What became of each call that was given up. */
async function outcomes(node: string, env: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const before = backend.spans.length;
  const inherited = Object.entries(process.env).filter(([key]) => !/^(?:TOLLGATE|OTEL|NODE)_/.test(key));
  const { stdout } = await promisify(execFile)(
    join(oldest, "node_modules", node, "bin", "node"),
    [...PRELOAD, SCRIPT],
    {
      env: {
        ...Object.fromEntries(inherited),
        CERT: own.cert,
        KEY: own.key,
        NODE_EXTRA_CA_CERTS: join(folder, "ca.pem"),
        TOLLGATE_ENDPOINT: "off",
        TOLLGATE_BUDGET: "$1",
        OTEL_EXPORTER_OTLP_ENDPOINT: backend.endpoint,
        ...env,
      },
    },
  );
  const names = JSON.parse(stdout) as Readonly<Record<string, string>>;
  const found = Object.values(names).map((name): [string, string] => [name, "no call"]);
  const all = new Map(found);
  for (const { attributes } of backend.spans.slice(before)) {
    const bound = Number(attributes.get("gen_ai.request.max_tokens"));
    const name = names[bound];
    if (name === undefined) continue;
    const nanoUsd = Number(attributes.get("tollgate.cost.nano_usd"));
    const isFree = nanoUsd === 0 && attributes.get("tollgate.call.unsent") === true;
    // gpt-4o-mini: 0.60 USD a million tokens.
    all.set(name, isFree ? "free" : nanoUsd > bound * 600 ? "as reserved" : `${nanoUsd}`);
  }
  return Object.fromEntries(all);
}

const wanted = (ways: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    ways.flatMap((way) => [
      [`${way}, early`, "free"],
      [`${way}, late`, "as reserved"],
    ]),
  );

it("on the oldest Node", async () => {
  expect(await outcomes("node-22", {})).toEqual(wanted(WAYS));
});

it("on the newest Node", async () => {
  expect(await outcomes("node-26", { UNDICI: "yes" })).toEqual({
    ...wanted([...WAYS, ...UNDICIS]),
    "undici, a silent proxy, early": "free",
  });
});
