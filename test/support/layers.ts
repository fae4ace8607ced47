/**
 * Who may import whom inside `src/` (house style): the one list that the linter's configuration and the tidy test are
 * both made from. A folder may import itself, `telemetry`, and what stands beside it here; nothing else of `src/`.
 * `main.ts` is the edge and imports the command line only.
 */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  support: [],
  telemetry: ["support"],
  pdata: ["support"],
  component: ["support", "pdata"],
  budget: ["support", "pdata"],
  audit: ["support", "pdata"],
  kill: ["support"],
  identity: ["support"],
  approvals: ["support"],
  changes: ["support"],
  runaway: ["support"],
  policy: ["support", "pdata"],
  storage: ["support", "pdata", "config"],
  pipeline: ["support", "pdata", "component", "config"],
  receivers: ["support", "pdata", "component", "config"],
  processors: ["support", "pdata", "component", "config"],
  exporters: ["support", "pdata", "component", "config", "pipeline"],
  extensions: ["support", "pdata", "component", "config"],
  config: ["support", "pdata", "component", "budget", "policy", "runaway"],
  api: ["support", "config", "budget", "policy", "kill", "identity", "changes", "approvals", "audit", "storage"],
  demo: ["support"],
  service: [
    "support",
    "pdata",
    "component",
    "config",
    "budget",
    "audit",
    "policy",
    "kill",
    "identity",
    "changes",
    "approvals",
    "runaway",
    "storage",
    "pipeline",
    "receivers",
    "processors",
    "exporters",
    "extensions",
    "api",
  ],
  cli: ["support", "audit", "budget", "config", "service", "api", "identity", "storage", "policy", "demo"],
  main: ["cli"],
};

/** The pure subpaths of the instrumentation that `src/` may use. */
export const PURE_SUBPATHS = ["semconv", "policy", "pricing", "protocol", "audit", "redaction"] as const;
