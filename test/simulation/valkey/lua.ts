/**
 * Runs the store's scripts as they are written: the few forms of Lua that they use (locals, assignments, conditions, calls,
 * tables as lists), with Lua's own rules of truth, text and counting from 1. What it does not know is a `SyntaxError`, so that
 * nothing is simulated in another way than it is written.
 */
export type LuaValue = string | number | boolean | undefined | readonly LuaValue[];
type LuaCall = (name: string, args: readonly LuaValue[]) => LuaValue;

/** Answers with what the script returns; `call` is asked for what it does not compute itself (`redis.call`). */
export type LuaScript = (globals: Readonly<Record<string, LuaValue>>, call: LuaCall) => LuaValue;

interface Scope {
  readonly values: Map<string, LuaValue>;
  readonly call: LuaCall;
}

type Expression = (scope: Scope) => LuaValue;
/** True: the script has returned, and what is in `result`. */
type Statement = (scope: Scope, result: { value: LuaValue }) => boolean;

const TOKEN = /\s+|--[^\n]*|'([^'\n]*)'|(\d+)|([A-Za-z_]\w*)|(\.\.|~=|==|<=|>=|[-+*/<>=#(){}[\],.])/y;
const COMPARISONS: ReadonlySet<string> = new Set(["==", "~=", "<", ">", "<=", ">="]);

export function compileLua(source: string): LuaScript {
  const body = new Parser(tokensOf(source)).program();
  return (globals, call) => {
    const result: { value: LuaValue } = { value: undefined };
    run(body, { values: new Map(Object.entries(globals)), call }, result);
    return result.value;
  };
}

interface Token {
  readonly kind: "text" | "number" | "name" | "sign" | "end";
  readonly text: string;
}

function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null) throw new SyntaxError(`no Lua that is known here: ${source.slice(at, at + 40)}`);
    const [, text, number, name, sign] = match;
    if (text !== undefined) tokens.push({ kind: "text", text });
    else if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (name !== undefined) tokens.push({ kind: "name", text: name });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign });
  }
  return [...tokens, { kind: "end", text: "" }];
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  program(): readonly Statement[] {
    const body = this.#block();
    if (this.#peek().kind !== "end") throw this.#unknown();
    return body;
  }

  #block(): Statement[] {
    const body: Statement[] = [];
    while (this.#peek().kind !== "end" && !["end", "else", "elseif"].includes(this.#peek().text)) {
      body.push(this.#statement());
    }
    return body;
  }

  #statement(): Statement {
    if (this.#takes("if")) return this.#condition();
    if (this.#takes("return")) {
      const value = this.#expression();
      return (scope, result) => {
        result.value = value(scope);
        return true;
      };
    }
    const isLocal = this.#takes("local");
    const start = this.#at;
    const names = [this.#name()];
    while (this.#takes(",")) names.push(this.#name());
    if (this.#takes("=")) {
      const values = this.#list();
      return (scope) => {
        for (const [index, value] of values.map((each) => each(scope)).entries())
          set(scope, names[index] ?? "", value, isLocal);
        return false;
      };
    }
    this.#at = start;
    const call = this.#expression();
    return (scope) => {
      call(scope);
      return false;
    };
  }

  #condition(): Statement {
    const test = this.#expression();
    this.#expect("then");
    const yes = this.#block();
    let no: readonly Statement[] = [];
    if (this.#takes("elseif")) no = [this.#condition()];
    else {
      if (this.#takes("else")) no = this.#block();
      this.#expect("end");
    }
    return (scope, result) => run(isTrue(test(scope)) ? yes : no, scope, result);
  }

  #list(): Expression[] {
    const items = [this.#expression()];
    while (this.#takes(",")) items.push(this.#expression());
    return items;
  }

  #expression(): Expression {
    let left = this.#conjunction();
    while (this.#takes("or")) {
      const [one, other] = [left, this.#conjunction()];
      left = (scope) => {
        const value = one(scope);
        return isTrue(value) ? value : other(scope);
      };
    }
    return left;
  }

  #conjunction(): Expression {
    let left = this.#comparison();
    while (this.#takes("and")) {
      const [one, other] = [left, this.#comparison()];
      left = (scope) => {
        const value = one(scope);
        return isTrue(value) ? other(scope) : value;
      };
    }
    return left;
  }

  #comparison(): Expression {
    let left = this.#joined();
    while (COMPARISONS.has(this.#peek().text) && this.#peek().kind === "sign") {
      const { text: sign } = this.#next();
      const [one, other] = [left, this.#joined()];
      left = (scope) => compared(sign, one(scope), other(scope));
    }
    return left;
  }

  #joined(): Expression {
    const parts = [this.#sum()];
    while (this.#takes("..")) parts.push(this.#sum());
    const [only] = parts;
    return parts.length === 1 && only !== undefined
      ? only
      : (scope) => parts.map((part) => textOf(part(scope))).join("");
  }

  #sum(): Expression {
    let left = this.#product();
    for (;;) {
      const sign = this.#takes("+") ? 1 : this.#takes("-") ? -1 : 0;
      if (sign === 0) return left;
      const [one, other] = [left, this.#product()];
      left = (scope) => numberOf(one(scope)) + sign * numberOf(other(scope));
    }
  }

  #product(): Expression {
    let left = this.#unary();
    for (;;) {
      const isTimes = this.#takes("*");
      if (!isTimes && !this.#takes("/")) return left;
      const [one, other] = [left, this.#unary()];
      left = (scope) =>
        isTimes ? numberOf(one(scope)) * numberOf(other(scope)) : numberOf(one(scope)) / numberOf(other(scope));
    }
  }

  #unary(): Expression {
    if (this.#takes("#")) {
      const of = this.#unary();
      return (scope) => Buffer.byteLength(textOf(of(scope)));
    }
    if (this.#takes("-")) {
      const of = this.#unary();
      return (scope) => -numberOf(of(scope));
    }
    return this.#indexed();
  }

  #indexed(): Expression {
    let value = this.#primary();
    while (this.#takes("[")) {
      const [list, index] = [value, this.#expression()];
      this.#expect("]");
      value = (scope) => {
        const items = list(scope);
        return Array.isArray(items) ? (items as readonly LuaValue[])[numberOf(index(scope)) - 1] : undefined;
      };
    }
    return value;
  }

  #primary(): Expression {
    const { kind, text } = this.#next();
    if (kind === "text") return () => text;
    if (kind === "number") return () => Number(text);
    if (text === "(") {
      const inner = this.#expression();
      this.#expect(")");
      return inner;
    }
    if (text === "{") {
      const items = this.#peek().text === "}" ? [] : this.#list();
      this.#expect("}");
      return (scope) => items.map((item) => item(scope));
    }
    if (kind !== "name") throw this.#unknown();
    let name = text;
    while (this.#takes(".")) name += `.${this.#name()}`;
    if (!this.#takes("(")) return (scope) => scope.values.get(name);
    const args = this.#peek().text === ")" ? [] : this.#list();
    this.#expect(")");
    return (scope) =>
      called(
        name,
        args.map((each) => each(scope)),
        scope,
      );
  }

  #name(): string {
    const { kind, text } = this.#next();
    if (kind !== "name") throw this.#unknown();
    return text;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: "end", text: "" };
  }

  #next(): Token {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }

  /** A word or sign; never the text of a string. */
  #takes(text: string): boolean {
    const token = this.#peek();
    if (token.text !== text || token.kind === "text") return false;
    this.#at += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#takes(text)) throw this.#unknown();
  }

  #unknown(): SyntaxError {
    const near = this.#tokens.slice(Math.max(0, this.#at - 5), this.#at + 3).map(({ text }) => text);
    return new SyntaxError(`no Lua that is known here, near: ${near.join(" ")}`);
  }
}

function run(body: readonly Statement[], scope: Scope, result: { value: LuaValue }): boolean {
  for (const statement of body) if (statement(scope, result)) return true;
  return false;
}

function set({ values }: Scope, name: string, value: LuaValue, isLocal: boolean): void {
  // All names of a script are one scope: one that is used for two things would be two in Lua.
  if (values.has(name) === isLocal) throw new SyntaxError(`\`${name}\` is ${isLocal ? "made twice" : "nowhere made"}`);
  values.set(name, value);
}

function called(name: string, args: readonly LuaValue[], { call }: Scope): LuaValue {
  const [first] = args;
  switch (name) {
    case "tonumber":
      return first === undefined || first === false || textOf(first).trim() === "" ? undefined : Number(first);
    case "math.floor":
      return Math.floor(numberOf(first));
    case "math.max":
      return Math.max(...args.map(numberOf));
    default:
      return call(name, args);
  }
}

/** 0 and the empty text are true. */
function isTrue(value: LuaValue): boolean {
  return value !== undefined && value !== false;
}

function compared(sign: string, one: LuaValue, other: LuaValue): boolean {
  switch (sign) {
    case "==":
      return one === other;
    case "~=":
      return one !== other;
    case "<":
      return numberOf(one) < numberOf(other);
    case ">":
      return numberOf(one) > numberOf(other);
    case "<=":
      return numberOf(one) <= numberOf(other);
    default:
      return numberOf(one) >= numberOf(other);
  }
}

/** A text of digits counts as its number in sums, as in Lua. */
function numberOf(value: LuaValue): number {
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number === "number" && !Number.isNaN(number)) return number;
  throw new TypeError(`no number: ${String(value)}`);
}

function textOf(value: LuaValue): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new TypeError("no text: a list, or nothing");
}
