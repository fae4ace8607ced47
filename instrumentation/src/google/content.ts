import { asBody, asText } from "../gate/endpoint.ts";

/** Parts that hold nothing but text and JSON; `undefined` values do not count. */
const TEXT_PART_KEYS: ReadonlySet<string> = new Set([
  "text",
  "thought",
  "thoughtSignature",
  "functionCall",
  "functionResponse",
]);
const DEPTH_MAX = 4;

/** `gemini-2.5-flash`, from that, from `models/…`, `publishers/google/models/…` or `projects/…`. */
export function modelName(model: unknown): string {
  const text = asText(model) ?? "";
  return text.slice(text.lastIndexOf("/") + 1);
}

/** Whether contents (a text, a part, a content, or a list of those) are text, so that their size bounds their tokens. */
export function isText(contents: unknown, depth = 0): boolean {
  if (contents === undefined || contents === null || typeof contents === "string") return true;
  if (depth > DEPTH_MAX) return false;
  if (Array.isArray(contents)) return contents.every((item) => isText(item, depth + 1));
  const body = asBody(contents) ?? {};
  if ("parts" in body) return isText(body["parts"], depth + 1);
  return Object.entries(body).every(([key, value]) => {
    if (value === undefined || value === null) return true;
    // A function may answer with files.
    if (key === "functionResponse" && asBody(value)?.["parts"] !== undefined) return false;
    return TEXT_PART_KEYS.has(key);
  });
}

/** A function that the app runs itself; others are run by Google, and bring text of their own. */
export function isTextTool(tool: unknown): boolean {
  return Object.entries(asBody(tool) ?? {}).every(
    ([key, value]) => key === "functionDeclarations" || value === undefined || value === null,
  );
}
