/** What somebody does who may write to the database, one thing each, and what `audit verify` has to say of it. */
import type { FindingKind } from "../../src/audit/verify/finding.ts";

interface Tampering {
  readonly name: string;
  readonly statements: readonly string[];
  readonly found: readonly FindingKind[];
}

/** A place of the chain of the agent `clean`, which has nine. */
const at = (seq: number): string => `agent = 'clean' AND attributes['tollgate.audit.seq'] = '${seq}'`;
const change = (what: string, where: string): string => `ALTER TABLE span_log UPDATE ${what} WHERE ${where}`;
const setAttribute = (key: string, value: string): string =>
  `attributes = mapUpdate(attributes, map('${key}', '${value}'))`;

export const TAMPERINGS: readonly Tampering[] = [
  {
    name: "an attribute that was changed",
    statements: [change(setAttribute("tollgate.decision.reason", "it was allowed"), at(3))],
    found: ["changed"],
  },
  {
    name: "a column that was changed",
    statements: [change("decision = 'deny'", at(3))],
    found: ["changed"],
  },
  {
    name: "a user that was changed",
    statements: [change(setAttribute("user.id", "somebody else"), at(4))],
    found: ["changed"],
  },
  { name: "a record that was dropped", statements: [`DELETE FROM span_log WHERE ${at(5)}`], found: ["dropped"] },
  {
    name: "a record that was dropped with its link",
    statements: [`DELETE FROM audit_link_log WHERE agent = 'clean' AND seq = 5`, `DELETE FROM span_log WHERE ${at(5)}`],
    found: ["dropped"],
  },
  {
    name: "a record that was put in",
    statements: [
      `INSERT INTO span_log SELECT * REPLACE ('aaaaaaaaaaaaaaaa' AS span_id, now64(3) AS received_at) FROM span_log WHERE ${at(6)}`,
    ],
    found: ["inserted"],
  },
  {
    name: "records that changed places",
    statements: [
      change(
        `attributes = mapUpdate(attributes, map('tollgate.audit.seq', if(attributes['tollgate.audit.seq'] = '2', '7', '2')))`,
        `agent = 'clean' AND attributes['tollgate.audit.seq'] IN ('2', '7')`,
      ),
    ],
    found: ["reordered", "reordered"],
  },
  {
    name: "an end that was cut off",
    statements: [
      `DELETE FROM audit_link_log WHERE agent = 'clean' AND seq > 6`,
      `DELETE FROM span_log WHERE agent = 'clean' AND toUInt64OrZero(attributes['tollgate.audit.seq']) > 6`,
    ],
    found: ["truncated"],
  },
  {
    name: "a process of which nothing is left",
    statements: [`DELETE FROM audit_link_log WHERE agent = 'clean'`, `DELETE FROM span_log WHERE agent = 'clean'`],
    found: ["dropped"],
  },
  {
    name: "a checkpoint that was replaced",
    statements: [
      "INSERT INTO audit_checkpoint_log SELECT * REPLACE (repeat('ab', 32) AS root) FROM audit_checkpoint_log WHERE number = 2",
      "OPTIMIZE TABLE audit_checkpoint_log FINAL",
    ],
    found: ["checkpoint_replaced"],
  },
  {
    name: "the newest checkpoint that was dropped",
    statements: ["DELETE FROM audit_checkpoint_log WHERE number = (SELECT max(number) FROM audit_checkpoint_log)"],
    found: ["checkpoint_dropped"],
  },
];
