/** `/v1/audit`: how the audit log stands, its public keys, proofs, and the export that `audit verify` reads. */
import { Readable } from "node:stream";
import { COVERED } from "@tollgate/instrumentation/audit";
import { z } from "zod";
import type { Checkpoint } from "../audit/checkpoint.ts";
import { checkpointHash } from "../audit/checkpoint.ts";
import { EXPORT_FORM, SIGNED_AFTER_MS_MAX } from "../audit/export-form.ts";
import { logProof } from "../audit/log-proof.ts";
import type { PublicKey } from "../audit/signing-keys.ts";
import type { RecordChange } from "../changes/change-log.ts";
import type { Clock } from "../support/clock.ts";
import { ApiProblem } from "./problem.ts";
import { type LineStore, storeProblem } from "./read-store.ts";
import { type AnyRoute, linesRoute, NOTHING, route } from "./route.ts";
import { type TimeRange, timeRange, timeRangeQuery } from "./time-range.ts";

/** The audit log, as the API needs it. */
export interface AuditDesk {
  readonly keys: readonly PublicKey[];
  readonly lastCheckpoint: Checkpoint | undefined;
  readCheckpoints(from: number): AsyncIterable<Checkpoint>;
  rotateKey(): PublicKey;
  /** Brings the log up to date now. */
  work(): Promise<void>;
  counts(): {
    readonly chains: number;
    readonly open: number;
    readonly holes: number;
    readonly missing: number;
    readonly anchorsBehind: number;
    readonly links: Readonly<Record<string, number>>;
  };
  /** All that arrived before this is in the database. */
  storedToMs(): number;
  /** What later links have overtaken before this will not come any more. */
  settledToMs(): number;
  /** Records that arrived before this may be gone by retention; `undefined`: none may. */
  retainedFromMs(): number | undefined;
}

export interface AuditApi {
  readonly desk: AuditDesk;
  readonly lines: LineStore;
  readonly clock: Clock;
  readonly recordChange: RecordChange;
}

/** What a link covers, as the query needs it. */
const COVER_LISTS = {
  prefixes: COVERED.prefixes,
  names: COVERED.names,
  not: COVERED.not,
  sealed: COVERED.sealed,
  sealed_prefix: COVERED.sealedPrefix,
} as const;

const RECORDS_MAX = 2_000_000;
const CHECKPOINTS_MAX = 200_000;

const publicKey = z.object({
  id: z.string(),
  public_key: z.string().describe("The raw Ed25519 key, base64."),
  created_at: z.string(),
  endorsed_by: z.string().describe("Id of the key before it; empty for the first."),
  endorsement: z.string(),
});

const checkpointHead = z.object({
  log: z.string(),
  number: z.int(),
  size: z.int(),
  root: z.string(),
  time: z.string(),
  previous: z.string(),
  key: z.string(),
  signature: z.string(),
  hash: z.string(),
});

const auditState = z.object({
  checkpoint: checkpointHead.nullable().describe("The newest one; null before the first."),
  chains: z.int().describe("Chains of processes that are remembered."),
  open: z.int().describe("Of these, without a closing link so far."),
  holes: z.int().describe("Links that later ones have overtaken, not yet told as missing."),
  missing: z.int().describe("Links told as missing since the start."),
  anchors_behind: z.int().describe("Anchors that the newest head has not reached; it is brought again."),
  links: z
    .record(z.string(), z.int())
    .describe("Links that arrived since the start, by what they were to their chain."),
});

export function auditRoutes({ recordChange, ...sources }: AuditApi): readonly AnyRoute[] {
  const { desk } = sources;
  const common = { body: NOTHING, query: NOTHING, params: NOTHING };
  return [
    route({
      ...common,
      method: "GET",
      url: "/v1/audit",
      summary: "How the audit log stands",
      access: "viewer",
      reply: auditState,
      problems: [],
      handle: async () => {
        const { chains, open, holes, missing, anchorsBehind, links } = desk.counts();
        const checkpoint = headOf(desk.lastCheckpoint);
        return { checkpoint, chains, open, holes, missing, anchors_behind: anchorsBehind, links };
      },
    }),
    route({
      ...common,
      method: "GET",
      url: "/v1/audit/keys",
      summary: "Public keys of checkpoints, oldest first",
      access: "anyone",
      reply: z.object({ keys: z.array(publicKey) }),
      problems: [],
      handle: async () => ({ keys: [...desk.keys] }),
    }),
    route({
      ...common,
      method: "POST",
      url: "/v1/audit/keys/rotate",
      summary: "Sign checkpoints with a new key from now on",
      access: "admin",
      reply: publicKey,
      status: 201,
      problems: [],
      handle: async ({ person }) => {
        const key = desk.rotateKey();
        await recordChange({ author: person, action: "audit.rotate_key", subject: `key ${key.id}`, after: key });
        return key;
      },
    }),
    proofRoute(desk),
    exportRoute(sources),
  ];
}

const proofQuery = z.object({
  size: z.coerce.number().int().min(1).describe("Leaves of the tree that the proof is in: the size of a checkpoint."),
  leaf: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe("Place of a leaf: proves that it is in the tree (RFC 6962, 2.1.1)."),
  first: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe("Size of an older tree: proves that the tree began with it (RFC 6962, 2.1.2)."),
});

function proofRoute(desk: AuditDesk): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/audit/proof",
    summary: "That the log holds a leaf, or has only grown",
    access: "viewer",
    body: NOTHING,
    query: proofQuery,
    params: NOTHING,
    reply: z.object({
      size: z.int(),
      root: z.string(),
      leaf: z.array(z.union([z.string(), z.int(), z.boolean()])).optional(),
      proof: z.array(z.string()).describe("Hashes in hex, from the leaf to the root."),
    }),
    problems: ["not_found"],
    handle: async ({ query }) => {
      if ((query.leaf === undefined) === (query.first === undefined))
        throw new ApiProblem("invalid_request", "query: expected one of `leaf` and `first`");
      const made = await logProof(desk.readCheckpoints(1), query);
      if (made === undefined) throw new ApiProblem("not_found", "the log has no tree of that size, or no such leaf");
      return made;
    },
  });
}

function headOf(checkpoint: Checkpoint | undefined): z.output<typeof checkpointHead> | null {
  if (checkpoint === undefined) return null;
  const { log, number, size, root, time, previous, key, signature } = checkpoint;
  return { log, number, size, root, time, previous, key, signature, hash: checkpointHash(checkpoint) };
}

/** `GET /v1/audit/export`: everything that `audit verify` needs for a window. */
function exportRoute(sources: ExportSources): AnyRoute {
  return linesRoute({
    method: "GET",
    url: "/v1/audit/export",
    summary: "All that `audit verify` needs for a window",
    access: "viewer",
    body: NOTHING,
    query: z.object(timeRangeQuery),
    params: NOTHING,
    reply: z.array(z.unknown()).describe("Its first element says what the line is."),
    problems: ["query_refused", "storage_unavailable"],
    handle: async ({ query }) => {
      const lines = exportLines(sources, timeRange(query, sources.clock));
      // The first answer of the database is waited for: one that is away is an error with its status.
      const head = await lines.next().catch((error: unknown) => {
        throw storeProblem(error);
      });
      return Readable.from(withFirst(head, lines));
    },
  });
}

async function* withFirst<T>(first: IteratorResult<T, void>, rest: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

export interface ExportSources {
  readonly desk: AuditDesk;
  readonly lines: LineStore;
  readonly clock: Clock;
}

/** The lines of an export as bytes, one JSON array a line, as they come. Rejects when the database can't be asked. */
export async function* exportLines(
  { desk, lines, clock }: ExportSources,
  range: TimeRange,
): AsyncGenerator<string | Uint8Array, void> {
  await desk.work();
  const stored_to_ms = desk.storedToMs();
  const until_ms = range.until_ms + SIGNED_AFTER_MS_MAX;
  const checkpoints = await lines.lines("audit-checkpoints", { ...range, until_ms, limit: CHECKPOINTS_MAX });
  yield line([
    "export",
    EXPORT_FORM,
    {
      ...range,
      exported_ms: clock.now(),
      retained_from_ms: desk.retainedFromMs() ?? null,
      stored_to_ms,
      settled_to_ms: desk.settledToMs(),
      head: headOf(desk.lastCheckpoint),
      records_max: RECORDS_MAX,
    },
  ]);
  for (const key of desk.keys) yield line(["key", key]);
  yield* checkpoints as AsyncIterable<Uint8Array>;
  const bounds = { ...range, limit: RECORDS_MAX };
  yield* (await lines.lines("audit-links", bounds)) as AsyncIterable<Uint8Array>;
  yield* (await lines.lines("audit-records", { ...bounds, ...COVER_LISTS })) as AsyncIterable<Uint8Array>;
  yield line(["end"]);
}

function line(value: readonly unknown[]): string {
  return `${JSON.stringify(value)}\n`;
}
