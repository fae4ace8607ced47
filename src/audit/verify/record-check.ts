/** Whether one stored record is what its link covers, by itself. */
import { coveredKeys, type KeyList, linkHash, sealOf, wellFormed } from "@tollgate/instrumentation/audit";
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_TOOL_NAME,
  ATTR_TOLLGATE_AGENT_CLAIMED,
  ATTR_TOLLGATE_AGENT_NAME,
  ATTR_TOLLGATE_AUDIT_CHAIN,
  ATTR_TOLLGATE_AUDIT_HASH,
  ATTR_TOLLGATE_AUDIT_PREV,
  ATTR_TOLLGATE_AUDIT_SALT,
  ATTR_TOLLGATE_AUDIT_SEAL,
  ATTR_TOLLGATE_AUDIT_SEQ,
  ATTR_TOLLGATE_COST_NANO_USD,
  ATTR_TOLLGATE_COST_STATUS,
  ATTR_TOLLGATE_DECISION,
  ATTR_TOLLGATE_DECISION_RULE,
  INFERENCE_OPERATIONS,
} from "@tollgate/instrumentation/semconv";

/** A line of an export. */
export type RecordLine = readonly [
  line: "record",
  trace_id: string,
  span_id: string,
  parent_span_id: string,
  start_ns: string,
  end_ns: string,
  status: string,
  covered: Readonly<Record<string, string>>,
  agent: string,
  tool: string,
  model: string,
  decision: string,
  rule: string,
  cost: string,
  cost_status: string,
];

export interface CheckedRecord {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
  readonly prev: string;
  /** Why it is not what its link covers; "" when it is. */
  readonly problem: string;
  readonly isRedacted: boolean;
}

/** `undefined` for a record without a link. `isOdd`: its parts do not fit one another. */
export function checkRecord(line: RecordLine, isOdd = false): CheckedRecord | undefined {
  const covered = line[7];
  const hash = covered[ATTR_TOLLGATE_AUDIT_HASH] ?? "";
  if (hash === "") return undefined;
  const chain = covered[ATTR_TOLLGATE_AUDIT_CHAIN] ?? "";
  const seq = covered[ATTR_TOLLGATE_AUDIT_SEQ] ?? "";
  const prev = covered[ATTR_TOLLGATE_AUDIT_PREV] ?? "";
  const keys = coveredKeys(Object.keys(covered));
  const seal = sealProblem(covered, keys.sealed);
  const isWhole = !isOdd && hashOf(line, { seq, prev, hashed: keys.hashed }) === hash;
  const problem = isWhole ? seal || columnProblem(line) : "it is not what its hash covers";
  const isRedacted = covered[ATTR_TOLLGATE_AUDIT_SEAL] !== undefined && covered[ATTR_TOLLGATE_AUDIT_SALT] === undefined;
  return { chain, seq: Number(seq), hash, prev, problem, isRedacted };
}

/** The hash that a record would have at a place of its chain. */
export function hashAt(line: RecordLine, seq: string, prev: string): string {
  return hashOf(line, { seq, prev, hashed: coveredKeys(Object.keys(line[7])).hashed });
}

interface At {
  readonly seq: string;
  readonly prev: string;
  readonly hashed: KeyList;
}

function hashOf(line: RecordLine, { seq, prev, hashed }: At): string {
  const [, traceId, spanId, parentSpanId, start, end, status, covered] = line;
  const chain = covered[ATTR_TOLLGATE_AUDIT_CHAIN] ?? "";
  return linkHash(
    { chain, seq, prev, traceId, spanId, parentSpanId, start, end, status },
    { keys: hashed, values: valuesOf(covered, hashed) },
  );
}

function sealProblem(covered: RecordLine[7], sealed: KeyList): string {
  const salt = covered[ATTR_TOLLGATE_AUDIT_SALT];
  if (salt === undefined) return "";
  const isWhole =
    sealOf(salt, { keys: sealed, values: valuesOf(covered, sealed) }) === covered[ATTR_TOLLGATE_AUDIT_SEAL];
  return isWhole ? "" : "session, workflow, user or labels are not those that were sealed";
}

/** The columns that people and dashboards read say the same as the attributes that they were made from. */
function columnProblem(line: RecordLine): string {
  const [, , , , , , , covered, agent, tool, model, decision, rule, cost, costStatus] = line;
  const text = (key: string): string => covered[key] ?? "";
  if (decision !== text(ATTR_TOLLGATE_DECISION)) return "its column `decision` differs";
  if (rule !== text(ATTR_TOLLGATE_DECISION_RULE)) return "its column `decision_rule` differs";
  const status = text(ATTR_TOLLGATE_COST_STATUS);
  if (costStatus !== "" && status !== "" && costStatus !== status) return "its column `cost_status` differs";
  if (costStatus === "" && status !== "" && INFERENCE_OPERATIONS.has(text(ATTR_GEN_AI_OPERATION_NAME)))
    return "its column `cost_status` is empty, which hides its cost";
  const nano = text(ATTR_TOLLGATE_COST_NANO_USD);
  if (costStatus !== "" && nano !== "" && cost !== nano) return "its column `cost_nano_usd` differs";
  if (tool !== "" && tool !== text(ATTR_GEN_AI_TOOL_NAME)) return "its column `tool` differs";
  const used = text(ATTR_GEN_AI_RESPONSE_MODEL) || text(ATTR_GEN_AI_REQUEST_MODEL);
  if (model !== used) return "its column `model` differs";
  const isClaimed = covered[ATTR_TOLLGATE_AGENT_CLAIMED] !== undefined;
  if (!isClaimed && agent !== text(ATTR_TOLLGATE_AGENT_NAME)) return "its column `agent` differs";
  return "";
}

function valuesOf(covered: RecordLine[7], { keys }: KeyList): string[] {
  const values: string[] = [];
  for (const key of keys) values.push(wellFormed(covered[key] ?? ""));
  return values;
}
