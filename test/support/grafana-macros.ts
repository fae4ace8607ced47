/**
 * What Grafana's ClickHouse data source does to a panel's SQL before ClickHouse sees it: variables and
 * `$__conditionalAll` in the browser, the other macros in the plugin's backend. Written from the plugin's documented
 * behaviour (4.20) so that every panel can run on the real engine without a Grafana.
 */
export interface GrafanaContext {
  readonly fromUnixSeconds: number;
  readonly toUnixSeconds: number;
  readonly intervalSeconds: number;
  /** Variable → chosen values; `undefined` is "All". */
  readonly variables: Readonly<Record<string, readonly string[] | undefined>>;
}

/** SQL as ClickHouse receives it. Throws on a macro or variable that is left over: Grafana would send it as it is and fail. */
export function expandGrafanaSql(sql: string, context: GrafanaContext): string {
  const expanded = expandBackendMacros(expandVariables(expandConditionalAll(sql, context), context), context);
  const left = /\$__\w+|\$\{\w+[^}]*\}/.exec(expanded);
  if (left !== null) throw new Error(`unexpanded \`${left[0]}\` in: ${expanded}`);
  return expanded;
}

function expandConditionalAll(sql: string, context: GrafanaContext): string {
  const macro = "$__conditionalAll(";
  let text = sql;
  for (let at = text.lastIndexOf(macro); at !== -1; at = text.lastIndexOf(macro)) {
    const open = at + macro.length - 1;
    const close = closingParenthesis(text, open);
    const inside = text.slice(open + 1, close);
    const comma = inside.lastIndexOf(",");
    const variable = /\$\{?(\w+)/.exec(inside.slice(comma + 1))?.[1] ?? "";
    if (!(variable in context.variables)) throw new Error(`unknown variable \`${variable}\``);
    const isAll = context.variables[variable] === undefined;
    text = text.slice(0, at) + (isAll ? "1=1" : inside.slice(0, comma)) + text.slice(close + 1);
  }
  return text;
}

function closingParenthesis(text: string, open: number): number {
  let depth = 0;
  for (let index = open; index < text.length; index++) {
    if (text[index] === "(") depth += 1;
    if (text[index] === ")") depth -= 1;
    if (depth === 0) return index;
  }
  throw new Error(`no closing parenthesis in: ${text.slice(open)}`);
}

function expandVariables(sql: string, context: GrafanaContext): string {
  return sql.replaceAll(/\$\{(\w+):singlequote\}/g, (_, name: string) =>
    (context.variables[name] ?? []).map((value) => `'${value.replaceAll("'", "\\'")}'`).join(","),
  );
}

function expandBackendMacros(sql: string, context: GrafanaContext): string {
  const from = `toDateTime(${context.fromUnixSeconds})`;
  const to = `toDateTime(${context.toUnixSeconds})`;
  return sql
    .replaceAll(/\$__fromTime\b/g, from)
    .replaceAll(/\$__toTime\b/g, to)
    .replaceAll(/\$__interval_s\b/g, `${Math.max(context.intervalSeconds, 1)}`)
    .replaceAll(/\$__timeFilter\(([^)]+)\)/g, (_, column: string) => `${column} >= ${from} AND ${column} <= ${to}`)
    .replaceAll(
      /\$__timeInterval\(([^)]+)\)/g,
      (_, column: string) =>
        `toStartOfInterval(toDateTime(${column}), INTERVAL ${Math.max(context.intervalSeconds, 1)} second)`,
    );
}
