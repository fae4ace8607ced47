/**
 * Records the golden files of test/fixtures/dialects: runs the real instrumentation packages, installed by name and exact
 * version into a temporary folder, against the repository's own provider simulator, and writes what they export as
 * OTLP/JSON beside the simulator's bill of each call.
 *
 *     node scripts/record-dialects/record.mjs                 all scenarios of packages.mjs
 *     node scripts/record-dialects/record.mjs openlit …       some of them
 *
 * Wants the npm registry and Node 24; takes minutes. The tests only read the files and need none of it. What names this
 * machine (host, process, paths) is left out and long texts are cut; nothing else is changed.
 */
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFacade } from "./facade.mjs";
import { SCENARIOS } from "./packages.mjs";

const ROOT = join(import.meta.dirname, "../..");
const FIXTURES = join(ROOT, "test/fixtures/dialects");
/** Prompts and answers beyond this say nothing more, and would make up most of a file. */
const TEXT_LENGTH_MAX = 800;
const RUN_MS_MAX = 240_000;
const MACHINE_ATTRIBUTES = /^(host|os|process|telemetry\.distro)\./;

const names = process.argv.slice(2);
await mkdir(FIXTURES, { recursive: true });
for (const name of names.length > 0 ? names : Object.keys(SCENARIOS)) {
  process.stdout.write(`${name}: ${await record(name)}\n`);
}

async function record(name) {
  const packages = SCENARIOS[name];
  if (packages === undefined)
    throw new Error(`no scenario \`${name}\`; there are ${Object.keys(SCENARIOS).join(", ")}`);
  const folder = await mkdtemp(join(tmpdir(), "tollgate-dialect-"));
  const collector = await startCollector();
  const simulator = await startSimulator();
  const facade = await startFacade(simulator.url);
  try {
    await install(folder, packages);
    await cp(join(import.meta.dirname, "scenarios"), folder, { recursive: true });
    await run(process.execPath, [`${name}.mjs`], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_SERVICE_NAME: "dialect-agent",
        OPENAI_BASE_URL: `${facade.url}/v1`,
        OPENAI_API_KEY: "key-openai",
        ANTHROPIC_BASE_URL: facade.url,
        ANTHROPIC_API_KEY: "key-anthropic",
        TRACELOOP_TELEMETRY: "false",
      },
    });
    const resourceSpans = collector.requests.flatMap((request) => request.resourceSpans ?? []).map(anonymous);
    const spans = resourceSpans.flatMap((resource) => resource.scopeSpans).flatMap((scope) => scope.spans).length;
    const golden = { scenario: name, packages, node: process.version, bills: facade.bills, resourceSpans };
    const tidy = (_key, value) => (typeof value === "string" ? cut(value.replaceAll(folder, "/app")) : value);
    await writeFile(join(FIXTURES, `${name}.json`), `${JSON.stringify(golden, tidy, 1)}\n`);
    return `${spans} spans of ${facade.bills.length} calls`;
  } finally {
    await facade.stop();
    await simulator.stop();
    await collector.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function install(folder, packages) {
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ private: true, type: "module", dependencies: packages }),
  );
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--legacy-peer-deps"], {
    cwd: folder,
    env: process.env,
  });
}

function anonymous(resourceSpans) {
  const attributes = (resourceSpans.resource?.attributes ?? []).filter(({ key }) => !MACHINE_ATTRIBUTES.test(key));
  return { ...resourceSpans, resource: { ...resourceSpans.resource, attributes } };
}

function cut(text) {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}[cut]` : text;
}

async function startSimulator() {
  const child = spawn(process.execPath, [join(ROOT, "src/demo/provider/main.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => {
    child.once("exit", resolve);
  });
  const line = await new Promise((resolve, reject) => {
    child.stdout.once("data", resolve);
    child.once("error", reject);
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  return { url: JSON.parse(line.toString()).url, stop };
}

/** Keeps what comes as OTLP/JSON; answers everything else (metrics, other encodings) with an error that shows. */
async function startCollector() {
  const requests = [];
  const server = createServer((request, response) => {
    collect(request, response).catch((error) => response.destroy(error));
  });

  async function collect(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const isTraces = request.url === "/v1/traces" && request.headers["content-type"] === "application/json";
    if (isTraces) requests.push(JSON.parse(Buffer.concat(chunks).toString("utf8")));
    response.writeHead(isTraces ? 200 : 415, { "content-type": "application/json" }).end("{}");
  }

  await new Promise((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}`, requests, stop };
}

function run(command, args, options) {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "ignore", "inherit"], timeout: RUN_MS_MAX });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}`));
    });
  });
}
