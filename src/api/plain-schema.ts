/**
 * A schema's short way for what is plainly valid. Promise: what is accepted is what the schema itself makes of it; what is not
 * goes to the schema, which alone says what is wrong. Kinds of schemas that are not known here are asked themselves, in their place.
 *
 * Why: around every call of a model two bodies are read, and the schema's own way keeps a list of issues, a context and a result
 * for each of some twenty values.
 */
import { z } from "zod";

/** Not plainly valid: ask the schema. */
export const UNDECIDED: unique symbol = Symbol("undecided");

type Accept = (value: unknown) => unknown;

const known = new WeakMap<z.core.$ZodType, Accept>();

/** What the schema makes of the value, or `UNDECIDED`. */
export function acceptPlain(schema: z.core.$ZodType, value: unknown): unknown {
  let accept = known.get(schema);
  if (accept === undefined) known.set(schema, (accept = acceptor(schema)));
  return accept(value);
}

function acceptor(schema: z.core.$ZodType): Accept {
  const accept = acceptorOf(schema as z.core.$ZodTypes);
  if (accept === undefined) return asked(schema);
  const checks = (schema._zod.def.checks ?? []).map(checkOf);
  if (checks.length === 0) return accept;
  return (given) => {
    const value = accept(given);
    if (value === UNDECIDED) return UNDECIDED;
    for (const holds of checks) if (!holds(value)) return UNDECIDED;
    return value;
  };
}

/** Without its checks; `undefined` for a kind that is not known here. */
function acceptorOf(schema: z.core.$ZodTypes): Accept | undefined {
  const { def } = schema._zod;
  switch (def.type) {
    case "string":
      return def.coerce === true || "format" in def
        ? undefined
        : (value) => (typeof value === "string" ? value : UNDECIDED);
    case "number":
      return numberAcceptor(def);
    case "boolean":
      return def.coerce === true ? undefined : (value) => (typeof value === "boolean" ? value : UNDECIDED);
    case "optional": {
      const inner = acceptor(def.innerType);
      return (value) => (value === undefined ? undefined : inner(value));
    }
    case "default": {
      const inner = acceptor(def.innerType);
      // Read each time: an object is made anew.
      return (value) => (value === undefined ? def.defaultValue : inner(value));
    }
    case "object":
      return objectAcceptor(def);
    case "record":
      return recordAcceptor(def);
    default:
      return undefined;
  }
}

function numberAcceptor(def: z.core.$ZodNumberDef): Accept | undefined {
  if (def.coerce === true) return undefined;
  if (!("format" in def)) return (value) => (Number.isFinite(value) ? value : UNDECIDED);
  return def.format === "safeint" ? (value) => (Number.isSafeInteger(value) ? value : UNDECIDED) : undefined;
}

function objectAcceptor({ shape, catchall }: z.core.$ZodObjectDef): Accept | undefined {
  const isStrict = catchall?._zod.def.type === "never";
  if (catchall !== undefined && !isStrict) return undefined;
  const members = Object.entries(shape).map(([key, schema]) => ({ key, accept: acceptor(schema) }));
  const keys: ReadonlySet<string> = new Set(Object.keys(shape));
  return (given) => {
    if (!isPlainObject(given)) return UNDECIDED;
    if (isStrict) for (const key in given) if (!keys.has(key)) return UNDECIDED;
    const made: Record<string, unknown> = {};
    for (const { key, accept } of members) {
      const value = accept(given[key]);
      if (value === UNDECIDED) return UNDECIDED;
      if (value !== undefined) made[key] = value;
      // Given as `undefined`, which no JSON does: the schema keeps the key.
      else if (key in given) return UNDECIDED;
    }
    return made;
  };
}

function recordAcceptor({ keyType, valueType, mode }: z.core.$ZodRecordDef): Accept | undefined {
  if (mode === "loose" || keyType._zod.def.type !== "string") return undefined;
  const [acceptKey, acceptValue] = [acceptor(keyType), acceptor(valueType)];
  return (given) => {
    if (!isPlainObject(given)) return UNDECIDED;
    const made: Record<string, unknown> = {};
    for (const key of Object.keys(given)) {
      if (key === "__proto__" || acceptKey(key) !== key) return UNDECIDED;
      const value = acceptValue(given[key]);
      if (value === UNDECIDED) return UNDECIDED;
      made[key] = value;
    }
    return made;
  };
}

type Check = (value: unknown) => boolean;

/** Whether what the check is of passes it. What needs no thought is compared here, the rest is the check's own to say. */
function checkOf(check: z.core.$ZodCheck<never>): Check {
  const { def } = (check as z.core.$ZodCheck & z.core.$ZodChecks)._zod;
  const passes = ownCheck(check as z.core.$ZodCheck<unknown>);
  switch (def.check) {
    case "min_length": {
      // It counts code points, of which there are at least half as many as units.
      const enough = def.minimum === 1 ? 1 : def.minimum * 2;
      return (value) => (typeof value === "string" && value.length >= enough) || passes(value);
    }
    case "max_length":
      return (value) => (typeof value === "string" && value.length <= def.maximum) || passes(value);
    case "greater_than": {
      const { value: bound, inclusive } = def;
      return (value) => (value as typeof bound) > bound || (inclusive && value === bound);
    }
    case "less_than": {
      const { value: bound, inclusive } = def;
      return (value) => (value as typeof bound) < bound || (inclusive && value === bound);
    }
    default:
      return passes;
  }
}

function ownCheck(check: z.core.$ZodCheck<unknown>): Check {
  return (value) => {
    const payload: z.core.ParsePayload = { value, issues: [] };
    const found = check._zod.check(payload);
    return !(found instanceof Promise) && payload.issues.length === 0 && payload.value === value;
  };
}

/** The schema itself, in the place of a kind that is not known here. */
function asked(schema: z.core.$ZodType): Accept {
  return (value) => {
    const result = z.safeParse(schema, value);
    return result.success ? result.data : UNDECIDED;
  };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
