/**
 * The steps of a path written with dots (`models.gpt-4.1.input`, `thresholds[0].at`) through a value: keys may hold dots
 * themselves, so the longest key that is there wins. What cannot be followed becomes the last step.
 */
export function dottedPath(value: unknown, text: string): readonly PropertyKey[] {
  const steps: PropertyKey[] = [];
  let current = value;
  let rest = text;
  while (rest !== "") {
    const index = /^\[(\d+)\]\.?/.exec(rest) ?? (Array.isArray(current) ? /^(\d+)(?:\.|$|(?=\[))/.exec(rest) : null);
    if (index !== null) {
      const position = Number(index[1]);
      steps.push(position);
      current = Array.isArray(current) ? current[position] : undefined;
      rest = rest.slice(index[0].length);
      continue;
    }
    const key = longestKey(current, rest);
    if (key === undefined) return [...steps, rest];
    steps.push(key);
    current = (current as Record<string, unknown>)[key];
    rest = rest.slice(key.length).replace(/^\./, "");
  }
  return steps;
}

function longestKey(value: unknown, text: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.keys(value)
    .filter((key) => key !== "" && text.startsWith(key) && /^(?:$|\.|\[)/.test(text.slice(key.length)))
    .sort((a, b) => b.length - a.length)[0];
}
