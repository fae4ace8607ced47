/** What an agent installs for the gate: small, without the processor's dependencies. Built packages only: the tests build first. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const INSTRUMENTATION = join(ROOT, "instrumentation");
const BYTES_MAX = 5_000_000;
const OPEN_TELEMETRY = "@opentelemetry/";
const PROCESSOR_ONLY = [
  "chdb",
  "fastify",
  "zod",
  "@clickhouse/client",
  "@grpc/grpc-js",
  "@redis/client",
  "prom-client",
];

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface Packed {
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/** All that comes with it but OpenTelemetry's own, by folder. */
function installed(folder: string, found = new Map<string, number>()): ReadonlyMap<string, number> {
  for (const name of Object.keys(readManifest(folder).dependencies ?? {})) {
    if (name.startsWith(OPEN_TELEMETRY)) continue;
    const nested = join(folder, "node_modules", name);
    const place = existsSync(nested) ? nested : join(ROOT, "node_modules", name);
    if (found.has(place)) continue;
    found.set(place, sizeOf(place));
    installed(place, found);
  }
  return found;
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

it("unpacks to less than 5 MB with everything that comes with it, OpenTelemetry's own aside", () => {
  const output = execFileSync("npm", ["pack", "--dry-run", "--json"], {
    cwd: INSTRUMENTATION,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const packs = Object.values(JSON.parse(output.toString("utf8")) as Readonly<Record<string, Packed>>);
  const [own] = packs;
  const others = installed(INSTRUMENTATION);
  const bytes = [own?.unpackedSize ?? Number.NaN, ...others.values()].reduce((sum, size) => sum + size, 0);
  expect(own?.files.map(({ path }) => path)).toContain("dist/register.js");
  expect(own?.files.filter(({ path }) => /\.map$|\.tsbuildinfo$/.test(path))).toEqual([]);
  expect(bytes).toBeLessThan(BYTES_MAX);
  for (const name of PROCESSOR_ONLY)
    expect([...others.keys()].filter((place) => place.endsWith(`/${name}`))).toEqual([]);
});
