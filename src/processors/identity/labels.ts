/**
 * The labels that budgets match on. Spans of one session have the same ones again and again: they get the same object, so
 * that whoever adds up or writes by labels (the spool, the block) sees at once that nothing is new.
 */
import { ATTR_TOLLGATE_LABEL_PREFIX } from "@tollgate/instrumentation/semconv";
import { attributeText } from "../../pdata/attribute-text.ts";
import { KeyMemo } from "../../pdata/key-memo.ts";
import type { Attributes, AttributeValue, Resource, Span, SpanFacts } from "../../pdata/span.ts";
import { shortKey } from "../../support/short-key.ts";

type Labels = Readonly<Record<string, string>>;

const LABELS_MAX = 64;
const LABEL_LENGTH_MAX = 512;
/** Of every process, and different in each: no budget means them. */
const RESOURCE_NOISE = ["process.", "telemetry."] as const;
/** Labels of one session that are kept to be given again. */
const KEPT_MAX = 8;

const labelKeys = new KeyMemo((all) => [...all.keys()].filter((key) => key.startsWith(ATTR_TOLLGATE_LABEL_PREFIX)));

/** Facts that are labels under their own name. */
type Own = Readonly<
  Pick<SpanFacts, "agent" | "owner" | "team" | "role" | "session" | "workflow" | "user" | "provider" | "model" | "tool">
>;

interface Given {
  /** What the labels were made of; a copy, because a later processor may change facts. */
  readonly own: Own;
  readonly labels: Labels;
  /** What the same session got before. */
  readonly before: Given | undefined;
}

interface ResourceLabels {
  readonly base: ReadonlyMap<string, string>;
  /** `base` as an object, to be copied. */
  readonly baseRecord: Labels;
  /** What spans of this resource got lately, by session. */
  readonly given: Map<string, Given>;
}

/** A resource lives as long as its request. */
const resources = new WeakMap<Resource, ResourceLabels>();

/** Later ones win: resource attributes, labels of the context, then what is known of the call itself. */
export function labelsOf(span: Span): Labels {
  const resource = labelsOfResource(span.resource);
  const keys = labelKeys.of(span.attributes);
  if (keys.length > 0) return withContext(span, resource.base, keys);
  const { facts } = span;
  const last = resource.given.get(facts.session);
  let count = 0;
  for (let one = last; one !== undefined; one = one.before) {
    if (isSame(one.own, facts)) return one.labels;
    count += 1;
  }
  const labels = withOwn(resource.baseRecord, facts);
  resource.given.set(facts.session, { own: ownOf(facts), labels, before: count < KEPT_MAX ? last : undefined });
  return labels;
}

function labelsOfResource(resource: Resource): ResourceLabels {
  const known = resources.get(resource);
  if (known !== undefined) return known;
  const base = new Map<string, string>();
  for (const [key, value] of resource.attributes) {
    if (!RESOURCE_NOISE.some((prefix) => key.startsWith(prefix))) addLabel(base, key, value);
  }
  const made = { base, baseRecord: Object.fromEntries(base), given: new Map<string, Given>() };
  resources.set(resource, made);
  return made;
}

function withContext(span: Span, base: ReadonlyMap<string, string>, keys: readonly string[]): Labels {
  const labels = new Map(base);
  for (const key of keys) addLabelOf(labels, key, span.attributes);
  return withOwn(Object.fromEntries(labels), span.facts);
}

function addLabelOf(labels: Map<string, string>, key: string, attributes: Attributes): void {
  const value = attributes.get(key);
  if (value !== undefined) addLabel(labels, key.slice(ATTR_TOLLGATE_LABEL_PREFIX.length), value);
}

function addLabel(labels: Map<string, string>, name: string, value: AttributeValue): void {
  if (name === "" || labels.size >= LABELS_MAX) return;
  // Lists and bytes are no labels; a text too long to be one is not cut, because a cut one could match another's budget.
  if (typeof value === "object") return;
  const text = attributeText(value);
  if (text.length <= LABEL_LENGTH_MAX) labels.set(name, text);
}

function withOwn(base: Labels, facts: Own): Labels {
  const labels: Record<string, string> = { ...base };
  const { agent, owner, team, role, session, workflow, user, provider, model, tool } = facts;
  // Each by its name: the same in a loop over names takes four times as long, and is done for every other span.
  if (agent !== "") labels["agent"] = ownLabel(agent);
  if (owner !== "") labels["owner"] = ownLabel(owner);
  if (team !== "") labels["team"] = ownLabel(team);
  if (role !== "") labels["role"] = ownLabel(role);
  if (session !== "") labels["session"] = ownLabel(session);
  if (workflow !== "") labels["workflow"] = ownLabel(workflow);
  if (user !== "") labels["user"] = ownLabel(user);
  if (provider !== "") labels["provider"] = ownLabel(provider);
  if (model !== "") labels["model"] = ownLabel(model);
  if (tool !== "") labels["tool"] = ownLabel(tool);
  return labels;
}

/**
 * What is known of a call is a label however long it is, so that no budget misses the call; but budgets remember labels. A long one keeps
 * its beginning, and its digest so that it is nobody else's.
 */
function ownLabel(text: string): string {
  if (text.length <= LABEL_LENGTH_MAX) return text;
  // By way of bytes: a part of a string holds on to the whole.
  return Buffer.from(`${text.slice(0, LABEL_LENGTH_MAX / 2)}…${shortKey(text)}`).toString();
}

function ownOf({ agent, owner, team, role, session, workflow, user, provider, model, tool }: Own): Own {
  return { agent, owner, team, role, session, workflow, user, provider, model, tool };
}

function isSame(a: Own, b: Own): boolean {
  return (
    a.tool === b.tool &&
    a.model === b.model &&
    a.user === b.user &&
    a.workflow === b.workflow &&
    a.agent === b.agent &&
    a.provider === b.provider &&
    a.owner === b.owner &&
    a.team === b.team &&
    a.role === b.role
  );
}
