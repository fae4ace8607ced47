/** An export of form 2 as ClickHouse writes it, of chains that are made here, with a signed checkpoint. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { coveredKeys, LINK_FORM, linkHash, NO_LINK, sealOf } from "@tollgate/instrumentation/audit";
import { CheckpointLog } from "../../src/audit/checkpoint-log.ts";
import { EXPORT_FORM } from "../../src/audit/export-form.ts";
import { SigningKeys } from "../../src/audit/signing-keys.ts";

interface ExportedChain {
  readonly id: string;
  readonly links: readonly string[];
  readonly records: readonly string[];
}

const START_MS = Date.UTC(2026, 10, 21, 12);

/** What a call of a model leaves behind. */
const SAID = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-4o-mini",
  "gen_ai.response.id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUv",
  "gen_ai.response.model": "gpt-4o-mini-2026-07-18",
  "gen_ai.usage.input_tokens": "1234",
  "gen_ai.usage.output_tokens": "321",
  "tollgate.agent.name": "checkout-bot",
  "tollgate.agent.team": "checkout",
  "tollgate.budget.limit_usd": "25.000000000",
  "tollgate.budget.name": "checkout-fleet",
  "tollgate.budget.remaining_usd": "17.123456789",
  "tollgate.cost.known": "true",
  "tollgate.cost.nano_usd": "123456",
  "tollgate.cost.price_version": "genai-prices@0.1.8",
  "tollgate.cost.status": "exact",
  "tollgate.cost.usd": "0.000123456",
  "tollgate.decision": "allow",
  "tollgate.lease.id": "lease_0123456789abcdef",
  "tollgate.reserved.nano_usd": "1234567",
} as const;
const SEALED = {
  "tollgate.session.id": "session-0815",
  "tollgate.workflow.id": "workflow-7",
  "user.id": "user-4711",
} as const;
const COLUMNS = ["checkout-bot", "", "gpt-4o-mini-2026-07-18", "allow", "", "123456", "exact"];

/** ClickHouse puts a comma and a space between columns. */
function written(line: readonly unknown[]): string {
  return `[${line.map((column) => JSON.stringify(column)).join(", ")}]`;
}

/** A chain of so many records, the same for the same name. */
export function exportedChain(name: string, length: number): ExportedChain {
  const hex = (text: string, digits: number): string =>
    createHash("sha256").update(`${name} ${text}`).digest("hex").slice(0, digits);
  const id = hex("chain", 32);
  const hidden = coveredKeys(Object.keys(SEALED)).sealed;
  const { hashed } = coveredKeys([...Object.keys(SAID), "tollgate.audit.seal"]);
  const sealValues = hidden.keys.map((key) => SEALED[key as keyof typeof SEALED]);
  const [links, records]: [string[], string[]] = [[], []];
  let prev: string = NO_LINK;
  for (let seq = 1; seq <= length; seq += 1) {
    const salt = hex(`salt ${seq}`, 32);
    const seal = sealOf(salt, { keys: hidden, values: sealValues });
    const values = hashed.keys.map((key) => (key === "tollgate.audit.seal" ? seal : SAID[key as keyof typeof SAID]));
    const end = `${START_MS + seq}000000`;
    const [traceId, spanId] = [hex(`trace ${seq}`, 32), hex(`span ${seq}`, 16)];
    const head = {
      chain: id,
      seq: String(seq),
      prev,
      traceId,
      spanId,
      parentSpanId: "",
      start: end,
      end,
      status: "ok",
    };
    const hash = linkHash(head, { keys: hashed, values });
    const text = [LINK_FORM, ...Object.values(head), hashed.digest, ...values];
    const sealText = [LINK_FORM, salt, hidden.digest, ...sealValues];
    records.push(written(["hashed", text, hash, hashed.keys, sealText, hidden.keys, false, ...COLUMNS]));
    links.push(
      written(["link", id, seq, hash, prev, false, COLUMNS[0], traceId, spanId, end, String(START_MS + seq + 20)]),
    );
    prev = hash;
  }
  return { id, links, records };
}

/** The lines before those of the chains: the window, a key, and one checkpoint over all chains. Keeps its files in `directory`. */
export function exportHead(chains: readonly ExportedChain[], directory: string): readonly string[] {
  const signer = new SigningKeys({ file: join(directory, "keys.json"), now: () => START_MS });
  const log = new CheckpointLog({ file: join(directory, "log.ndjson"), signer });
  log.open();
  const heads = chains.map(({ id, links }) => {
    const [, , seq, hash] = JSON.parse(links.at(-1) ?? "[]") as [string, string, number, string];
    return { chain: id, seq, hash, missing: 0, isClosed: false };
  });
  const { leaves, ...body } = log.append(heads, START_MS + 60_000);
  log.close();
  const { number, size, root, time, previous, key, signature, frontier } = body;
  const window = { since_ms: 0, until_ms: START_MS + 1e9, retained_from_ms: null, head: null, records_max: 2_000_000 };
  const times = { exported_ms: START_MS + 1e8, stored_to_ms: START_MS + 1e8, settled_to_ms: START_MS + 1e8 };
  const signed = [number, size, root, time, previous, key, signature, JSON.stringify(leaves), frontier];
  return [
    written(["export", EXPORT_FORM, { ...window, ...times }]),
    ...signer.published.map((published) => written(["key", published])),
    written(["checkpoint", body.log, ...signed]),
  ];
}

export const EXPORT_END = '["end"]';
