/**
 * The parts of tollgate.yaml that belong to no single component. Components declare their own part beside their code; the
 * service puts the whole together (src/service/config-schema.ts). Every key has its default here and nowhere else.
 */
import { z } from "zod";
import { httpUrlSchema, serverUrlSchema } from "./http-url.ts";
import { DEFAULT_API_ENDPOINT } from "./api-endpoint.ts";
import { TENANT_NAME } from "../support/tenant.ts";
import { endpointDefault } from "./endpoint.ts";
import { globSchema } from "./expression.ts";
import { retentionSection } from "./retention.ts";
import { keySchema, secretSchema } from "./secret.ts";

export const DEFAULT_CLICKHOUSE_ENDPOINT = "127.0.0.1:8123";
export const DEFAULT_DATABASE = "tollgate";
export const DEFAULT_LEASE_TTL_MS = 30_000;
export const DEFAULT_GRACE_MS = 900_000;
export const DEFAULT_LEDGER_NAME = "tollgate";
export const DEFAULT_GOVERNANCE_PATH = "./governance";
const DEFAULT_GOVERNANCE_POLL_INTERVAL_MS = 5_000;
export const DEFAULT_BODY_MAX_BYTES = 262_144;
export const DEFAULT_STOP_TIMEOUT_MS = 10_000;
const DEFAULT_METRICS_INTERVAL_MS = 60_000;
const DEFAULT_METRICS_TIMEOUT_MS = 5_000;
const AGENT_KEY_LENGTH_MIN = 16;

const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, {
  error: "expected a name of letters, digits and `_`, not starting with a digit",
});

export const apiSection = z
  .strictObject({
    endpoint: endpointDefault(DEFAULT_API_ENDPOINT).describe(
      "Where the control API, `/healthz` and `/metrics` listen.",
    ),
    body_max_bytes: z
      .int()
      .min(1_024)
      .max(16_777_216)
      .default(DEFAULT_BODY_MAX_BYTES)
      .describe("A larger request body is refused with 413."),
  })
  .prefault({});

const embeddedSection = z.strictObject({
  endpoint: endpointDefault(DEFAULT_CLICKHOUSE_ENDPOINT).describe(
    "Where the embedded engine serves ClickHouse's HTTP interface.",
  ),
  readonly_password: keySchema
    .optional()
    .describe(
      "Password of its users `readonly` and `default`, which may only read, and read all. Needed beyond loopback. Without it, none; where an agent, key or person is of a tenant, one that is made at each start, for `tollgate sql` alone.",
    ),
  admin_password: keySchema
    .optional()
    .describe(
      "Makes the user `admin`, who may also write: for the OpenTelemetry Collector's ClickHouse exporter and other programs that keep their own database here. It can change Tollgate's tables too; `audit verify` tells of changed records. Write it as `${env:NAME}`.",
    ),
});

const clickhouseSection = z.strictObject({
  url: serverUrlSchema.describe(
    "A ClickHouse server's HTTP interface. `https://`: by authorities that Node knows, and those in the file that `NODE_EXTRA_CA_CERTS` names.",
  ),
  username: z.string().default("default").describe("Needs to create tables in `database`, to insert and to select."),
  password: secretSchema.optional().describe("Write it as `${env:NAME}`."),
  readonly_username: z
    .string()
    .optional()
    .describe(
      "User for `sql`, `traces --where` and the read API; `username` when absent, then with `readonly` set on each query.",
    ),
  readonly_password: secretSchema.optional().describe("Password of `readonly_username`."),
  database: identifier.default(DEFAULT_DATABASE).describe("Created when it does not exist."),
  cluster: identifier
    .optional()
    .describe("Name of the cluster in `remote_servers`: tables are then replicated, and distributed over its shards."),
});

export const storageSection = z
  .strictObject({
    embedded: embeddedSection.optional().describe("The engine as a child process (default)."),
    clickhouse: clickhouseSection.optional().describe("A server or cluster instead of the embedded engine."),
    retention: retentionSection,
  })
  .refine((storage) => storage.embedded === undefined || storage.clickhouse === undefined, {
    error: "choose one of `embedded` and `clickhouse`",
  })
  .prefault({});

export const ledgerSection = z
  .strictObject({
    store: z
      .enum(["local", "valkey"])
      .default("local")
      .describe(
        "`local`: in this process, journaled in the data directory. `valkey`: in Valkey (7.2 or newer) or Redis (7 or newer), for several processors that serve one fleet.",
      ),
    url: z
      .url({ protocol: /^rediss?$/, error: "expected a URL like `redis://valkey:6379` or `rediss://…` (TLS)" })
      .refine((url) => !URL.canParse(url) || (new URL(url).username === "" && new URL(url).password === ""), {
        error: "put the credentials into `username` and `password`",
      })
      .optional()
      .describe(
        "Where Valkey listens; of a cluster: any node. Needed with `store: valkey`. `rediss://` is TLS, by the same authorities as ClickHouse's.",
      ),
    username: z.string().min(1).optional().describe("Valkey's user; absent: its default user."),
    password: secretSchema.optional().describe("Its password. Write it as `${env:NAME}`."),
    name: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, { error: "expected 1 to 64 letters, digits, `_`, `.` or `-`" })
      .default(DEFAULT_LEDGER_NAME)
      .describe("Which ledger of that Valkey: processors with the same name share their budgets."),
    lease_ttl_ms: z
      .int()
      .min(1_000)
      .max(600_000)
      .default(DEFAULT_LEASE_TTL_MS)
      .describe("A lease that is not renewed for this long expires."),
    grace_ms: z
      .int()
      .min(0)
      .max(86_400_000)
      .default(DEFAULT_GRACE_MS)
      .describe("An expired lease counts as spent in full for this long, or until its spans show otherwise."),
  })
  .refine((ledger) => ledger.store !== "valkey" || ledger.url !== undefined, {
    error: "`store: valkey` needs `url`",
    path: ["url"],
  })
  .refine((ledger) => ledger.store === "valkey" || (ledger.url ?? ledger.username ?? ledger.password) === undefined, {
    error: "`url`, `username` and `password` are for `store: valkey`",
    path: ["store"],
  })
  .prefault({});

const DEFAULT_CHECKPOINT_INTERVAL_MS = 30_000;
const DEFAULT_HOLE_GRACE_MS = 120_000;

export const auditSection = z
  .strictObject({
    checkpoint_interval_ms: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(DEFAULT_CHECKPOINT_INTERVAL_MS)
      .describe("How often the heads of the audit chains are signed, if anything arrived."),
    hole_grace_ms: z
      .int()
      .min(0)
      .max(86_400_000)
      .default(DEFAULT_HOLE_GRACE_MS)
      .describe("How long a record that later ones have overtaken is waited for before it is told as missing."),
    anchor: z
      .strictObject({
        file: z
          .string()
          .min(1)
          .optional()
          .describe("Each signed head is added to this file, relative to this one: best on a disk of somebody else."),
        url: httpUrlSchema.optional().describe("Each signed head is posted there as JSON."),
        headers: z
          .record(z.string().min(1), secretSchema)
          .default({})
          .describe("Sent with each request; values never show."),
      })
      .prefault({})
      .describe("Where heads of the audit log are kept beside the database."),
  })
  .prefault({});

export const governanceSection = z
  .strictObject({
    paths: z
      .array(z.string().min(1))
      .min(1)
      .default([DEFAULT_GOVERNANCE_PATH])
      .describe(
        "Files and directories (searched for *.yaml and *.yml) with governance documents, relative to this file.",
      ),
    require_policy: z
      .boolean()
      .default(false)
      .describe("With no policy for an agent: false allows its tools with the reason `no policy`, true denies them."),
    unknown_egress: z
      .enum(["allow", "observe", "deny"])
      .default("observe")
      .describe(
        "What becomes of an agent's requests that are no known model call and not on its list (`egress.allow` of its document).",
      ),
    watch: z
      .boolean()
      .default(true)
      .describe("Puts changed documents in force while the processor runs; false: only on SIGHUP and at a start."),
    poll_interval_ms: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(DEFAULT_GOVERNANCE_POLL_INTERVAL_MS)
      .describe("How often the files are looked at where the file system does not say that they changed."),
  })
  .prefault({});

const agentKey = z.strictObject({
  agents: z
    .array(globSchema)
    .min(1)
    .describe('Patterns of the names that the key is good for: `["db-*"]`; `["*"]` for every agent.'),
  key: secretSchema
    .refine((secret) => secret.reveal().length >= AGENT_KEY_LENGTH_MIN, {
      error: `expected at least ${AGENT_KEY_LENGTH_MIN} characters`,
    })
    .describe("At least 16 characters; write it as `${env:NAME}`."),
  tenant: z
    .string()
    .regex(TENANT_NAME)
    .optional()
    .describe(
      "The tenant that these agents act for: a claim of another one is refused, and one of this without such a key.",
    ),
});

const oidcSection = z.strictObject({
  issuer: httpUrlSchema.describe(
    "The provider, as its tokens name it; its keys are found by `/.well-known/openid-configuration`.",
  ),
  audience: z.string().min(1).describe("As its tokens have it in `aud`; tokens for anything else are refused."),
  name_claim: z
    .string()
    .min(1)
    .default("email")
    .describe("The claim that acts are written down under. `email` counts only when it is verified."),
  roles_claim: z
    .string()
    .min(1)
    .default("groups")
    .describe("The claim with a person's groups; may be a path with dots."),
  tenant_claim: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The claim with a person's tenant; may be a path with dots. With it, who has none is nobody here; without it, people see all tenants.",
    ),
  roles: z
    .record(z.string().min(1), z.enum(["viewer", "approver", "operator", "admin"]))
    .refine((roles) => Object.keys(roles).length > 0, { error: "expected at least one group" })
    .describe("Which group has which role; of several, the highest. Who is in none of them is nobody here."),
});

export const authSection = z
  .strictObject({
    agents: z
      .array(agentKey)
      .default([])
      .describe(
        "Keys of agents: with `auth`, an agent without one is refused. Keys that `tollgate agents issue` gave out count too.",
      ),
    oidc: oidcSection.optional().describe("An OpenID provider whose tokens people may come with."),
    metrics_token: keySchema
      .optional()
      .describe(
        "What a scraper of `/metrics` comes with. Without it, everybody may read the figures while no agent, key or person is of a tenant, and then only people of none.",
      ),
    people_token: keySchema
      .optional()
      .describe(
        "The token of people (CLI, read API). Without it, one is made at first start and kept in the data directory.",
      ),
  })
  .optional();

const metricsPush = z
  .strictObject({
    endpoint: httpUrlSchema.describe("OTLP/HTTP of a backend; `/v1/metrics` is added to it."),
    interval_ms: z.int().min(1_000).max(3_600_000).default(DEFAULT_METRICS_INTERVAL_MS).describe("How often."),
    timeout_ms: z.int().positive().default(DEFAULT_METRICS_TIMEOUT_MS).describe("How long one request may take."),
    headers: z
      .record(z.string().min(1), secretSchema)
      .default({})
      .describe("Sent with each request; values never show."),
  })
  .describe("With it, the figures of `/metrics` are also sent by OTLP, in JSON.");

export const serviceSection = z
  .strictObject({
    telemetry: z
      .strictObject({
        logs: z
          .strictObject({
            level: z
              .enum(["error", "warn", "info", "debug"])
              .default("info")
              .describe("The least level that is written."),
            encoding: z
              .enum(["console", "json"])
              .default("console")
              .describe("Lines for people, or one JSON object a line."),
          })
          .prefault({}),
        metrics: z.strictObject({ otlp: metricsPush.optional() }).prefault({}),
      })
      .prefault({}),
    stop_timeout_ms: z
      .int()
      .min(100)
      .max(600_000)
      .default(DEFAULT_STOP_TIMEOUT_MS)
      .describe("How long a stop may take to drain; what is left stays in the spool."),
  })
  .prefault({});
