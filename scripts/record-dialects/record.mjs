/**
 * Records the golden files of test/fixtures/dialects: runs the real instrumentation packages, installed by name and exact
 * version into a temporary folder, against the repository's own provider simulator, and writes what they export as
 * OTLP/JSON beside the simulator's bill of each call.
 *
 *     node scripts/record-dialects/record.mjs                 all scenarios of packages.mjs
 *     node scripts/record-dialects/record.mjs openlit …       some of them
 *
 * Wants the npm registry and Node 24 (and Python 3 with its registry, for scenarios of Python); takes minutes. The tests only read the files and need none of it. What names this
 * machine (host, process, paths) is left out and long texts are cut; nothing else is changed.
 */
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { startFacade } from "./facade.mjs";
import { PYTHON_SCENARIOS, SCENARIOS } from "./packages.mjs";
import { decodeProtobufTraces } from "../../src/pdata/otlp/protobuf-traces.ts";
import { encodeJsonTraces } from "../../src/pdata/otlp/encode-json-traces.ts";

const ROOT = join(import.meta.dirname, "../..");
const FIXTURES = join(ROOT, "test/fixtures/dialects");
/** Prompts beyond this say nothing more, and would make up most of a file. Answers that LangChain writes down have their id behind their text. */
const TEXT_LENGTH_MAX = 4_000;
const RUN_MS_MAX = 240_000;
const MACHINE_ATTRIBUTES = /^(host|os|process|telemetry\.distro)\./;

const names = process.argv.slice(2);
await mkdir(FIXTURES, { recursive: true });
for (const name of names.length > 0 ? names : Object.keys({ ...SCENARIOS, ...PYTHON_SCENARIOS })) {
  process.stdout.write(`${name}: ${await record(name)}\n`);
}

async function record(name) {
  const isPython = name in PYTHON_SCENARIOS;
  const packages = isPython ? PYTHON_SCENARIOS[name] : SCENARIOS[name];
  if (packages === undefined)
    throw new Error(
      `no scenario \`${name}\`; there are ${Object.keys({ ...SCENARIOS, ...PYTHON_SCENARIOS }).join(", ")}`,
    );
  const folder = await mkdtemp(join(tmpdir(), "tollgate-dialect-"));
  const collector = await startCollector();
  const simulator = await startSimulator();
  const facade = await startFacade(simulator.url);
  try {
    const command = await (isPython ? installPython : install)(folder, packages);
    await cp(join(import.meta.dirname, "scenarios"), folder, { recursive: true });
    await run(command, [isPython ? `python-${name}.py` : `${name}.mjs`], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_SERVICE_NAME: "dialect-agent",
        OPENAI_BASE_URL: `${facade.url}/v1`,
        OPENAI_API_KEY: "key-openai",
        ANTHROPIC_BASE_URL: facade.url,
        ANTHROPIC_API_KEY: "key-anthropic",
        GOOGLE_GEMINI_BASE_URL: facade.url,
        GOOGLE_API_KEY: "key-google",
        TRACELOOP_TELEMETRY: "false",
        // LangChain sends to LangSmith itself where it is told so.
        ...(name === "langsmith" ? { LANGSMITH_TRACING: "true", LANGSMITH_OTEL_ENABLED: "true" } : {}),
        ...(isPython ? pythonEnvironment(collector.url) : {}),
      },
    });
    const resourceSpans = collector.requests.flatMap((request) => request.resourceSpans ?? []).map(anonymous);
    const spans = resourceSpans.flatMap((resource) => resource.scopeSpans).flatMap((scope) => scope.spans).length;
    const golden = { scenario: name, packages, node: process.version, bills: facade.bills, resourceSpans };
    const tidy = (_key, value) =>
      typeof value === "string" ? cut(value.replaceAll(folder, "/app").replaceAll(homedir(), "~")) : value;
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
  return process.execPath;
}

function pythonEnvironment(url) {
  return {
    // With it, MLflow sends metrics too, for which its small package lacks a part.
    OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    // Nobody is there: the traces go to the collector only.
    MLFLOW_TRACKING_URI: "http://127.0.0.1:9",
    MLFLOW_EXPERIMENT_ID: "0",
  };
}

async function installPython(folder, packages) {
  const wanted = Object.entries(packages).map(([name, version]) => `${name}==${version}`);
  await run("python3", ["-m", "venv", "venv"], { cwd: folder, env: process.env });
  const python = join(folder, "venv/bin/python");
  await run(python, ["-m", "pip", "install", "--quiet", ...wanted], { cwd: folder, env: process.env });
  return python;
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

/** Keeps what comes as OTLP/JSON, or as protobuf, which is all that Python speaks; answers everything else (metrics) with an error that shows. */
async function startCollector() {
  const requests = [];
  const server = createServer((request, response) => {
    collect(request, response).catch((error) => response.destroy(error));
  });

  async function collect(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const type = request.headers["content-type"];
    const body = Buffer.concat(chunks);
    const traces =
      request.url === "/v1/traces"
        ? jsonOf(type, request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body)
        : undefined;
    if (traces !== undefined) requests.push(traces);
    response.writeHead(traces === undefined ? 415 : 200, { "content-type": type });
    response.end(type === "application/json" ? "{}" : "");
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

function jsonOf(type, body) {
  if (type === "application/json") return JSON.parse(body.toString("utf8"));
  const decoded = type === "application/x-protobuf" ? decodeProtobufTraces(body) : undefined;
  return decoded?.kind === "decoded" ? JSON.parse(encodeJsonTraces(decoded.spans).toString("utf8")) : undefined;
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
