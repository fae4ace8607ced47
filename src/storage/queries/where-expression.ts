/**
 * Lets a person's boolean expression into a WHERE clause. What holds the line is the read-only user that the query runs
 * as; this check keeps the expression an expression: it cannot close the parentheses around it, start a comment or another
 * statement, or reach another table.
 */
const EXPRESSION_CHARS_MAX = 2_000;

/** Words that would make it more than an expression over one row. `FROM` is what reaches other tables. */
const REFUSED_WORDS = new Set([
  "select",
  "from",
  "settings",
  "format",
  "into",
  "outfile",
  "union",
  "with",
  "dictget",
  "file",
  "url",
]);

export type WhereExpression =
  | { readonly ok: true; readonly sql: string }
  | { readonly ok: false; readonly message: string };

/** Checks an expression such as `model = 'gpt-4o' AND cost_usd > 0.5`. */
export function whereExpression(text: string): WhereExpression {
  if (text.trim() === "") return refuse("the expression is empty");
  if (text.length > EXPRESSION_CHARS_MAX)
    return refuse(`the expression is longer than ${EXPRESSION_CHARS_MAX} characters`);
  let depth = 0;
  for (const token of tokens(text)) {
    if (token === undefined) return refuse("a quote is not closed");
    if (token === "(" || token === "[") depth++;
    if (token === ")" || token === "]") depth--;
    if (depth < 0) return refuse("a parenthesis is closed that was not opened");
    if (token === ";" || token === "--" || token === "/*" || token === "#" || token === "{" || token === "}") {
      return refuse(`\`${token}\` is not allowed`);
    }
    if (REFUSED_WORDS.has(token.toLowerCase()))
      return refuse(`\`${token}\` is not allowed: only an expression over one span`);
  }
  return depth === 0 ? { ok: true, sql: text } : refuse("a parenthesis is not closed");
}

function refuse(message: string): WhereExpression {
  return { ok: false, message };
}

const TOKEN =
  /\s+|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|--|\/\*|[A-Za-z_][A-Za-z0-9_]*|\d+(?:\.\d+)?|[^]/gy;

/** Words, single characters and comment openers; quoted text is one token. `undefined` at a quote that is never closed. */
function* tokens(text: string): Generator<string | undefined> {
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.trim() === "") continue;
    if (token === "'" || token === '"' || token === "`") yield undefined;
    else if (token.length > 1 && /^['"`]/.test(token)) yield "'quoted'";
    else yield token;
  }
}
