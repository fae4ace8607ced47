import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Name and version of the package that a file belongs to; the version is "" where it can't be told. */
export function libraryAt(name: string, location: string): { readonly name: string; readonly version: string } {
  try {
    const path = location.startsWith("file:") ? fileURLToPath(location) : location;
    const folder =
      new RegExp(`^.*[/\\\\]node_modules[/\\\\]${name.replace("/", String.raw`[/\\]`)}`).exec(path)?.[0] ?? "";
    const { version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as { readonly version?: unknown };
    return { name, version: typeof version === "string" ? version : "" };
  } catch {
    return { name, version: "" };
  }
}
