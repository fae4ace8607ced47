import type { LoadFnOutput } from "node:module";
import type { SdkFile } from "./sdk-files.ts";

/** The global function that the added line calls; `Symbol.for`, because the line runs in the SDK's own module. */
export const LOADED = Symbol.for("tollgate.loaded");
/** What a module with the added line has in it. */
export const REPORT_MARK = 'globalThis[Symbol.for("tollgate.loaded")]';

/** Functions of a module, each with what puts another in its place. */
export type LoadedFunctions = Readonly<
  Record<string, readonly [original: unknown, set: (replacement: unknown) => void] | undefined>
>;

/** The module with a line at its end that reports its client class. Source that Node has not read is left to Node. */
export function appendReport(file: SdkFile, url: string, loaded: LoadFnOutput): LoadFnOutput {
  const { source } = loaded;
  if (source === undefined || source === null) return loaded;
  const text = typeof source === "string" ? source : new TextDecoder().decode(source);
  if (file.contains?.test(text) === false) return loaded;
  return { ...loaded, source: withReport(file, url, { text, isCommonJs: loaded.format === "commonjs" }) };
}

export function withReport(
  file: SdkFile,
  url: string,
  { text, isCommonJs }: { readonly text: string; readonly isCommonJs: boolean },
): string {
  if (file.exported !== undefined) return withExports(file, url, text);
  const owner = ownerExpression(file, isCommonJs);
  const names = file.contains === undefined ? file.functions : file.functions?.filter((name) => declares(text, name));
  const reported = names === undefined ? owner : functionsExpression(names);
  const call = `globalThis[Symbol.for("tollgate.loaded")]?.(${JSON.stringify(file.name)},${reported},${JSON.stringify(url)});`;
  return `${withVariables(text, names ?? [])}\n;${call}\n`;
}

/** The class. A version that names it otherwise is reported as not gated, and runs all the same. */
function ownerExpression({ className, localName = className }: SdkFile, isCommonJs: boolean): string {
  // Where a package does not say which system it is written in, Node does not tell either until it has read it.
  if (className === "default") return 'typeof module==="undefined"?undefined:module.exports';
  // Some bundlers put other exports in the place of those that Node gave.
  return isCommonJs ? `module.exports.${className}` : `typeof ${localName}==="undefined"?undefined:${localName}`;
}

/** Another file of the same package may import it: that can't be replaced. */
function declares(text: string, name: string): boolean {
  return new RegExp(`^(?:var|let|const|class|(?:async )?function) ${name}\\b`, "m").test(text);
}

/** Exports come from variables of ours, which start as the module's own functions. */
function withExports({ name, exported = [] }: SdkFile, url: string, text: string): string {
  let changed = text;
  const places: string[] = [];
  for (const outside of exported) {
    const local = new RegExp(`([{,]\\s*)([\\w$]+) as ${outside}(?=\\s*[,}])`).exec(changed);
    const [whole, before, inside] = local ?? [];
    if (whole === undefined || inside === undefined) continue;
    const ours = `tollgate$${outside}`;
    changed = changed.replace(whole, () => `${before}${ours} as ${outside}`);
    places.push(`${outside}:[${inside},(f)=>{${ours}=f;}]`);
    changed += `\n;var ${ours}=${inside};`;
  }
  const report = `{${places.join(",")}}`;
  return `${changed}\n;globalThis[Symbol.for("tollgate.loaded")]?.(${JSON.stringify(name)},${report},${JSON.stringify(url)});\n`;
}

/** A version may lack some of them: a name that is not declared is no error. */
function functionsExpression(names: readonly string[]): string {
  const places = names.map((name) => {
    // Other CommonJS modules read the export, which some bundlers make a getter of the variable.
    const exported = `if(typeof exports==="object"&&Object.getOwnPropertyDescriptor(exports,"${name}")?.writable)exports.${name}=f;`;
    return `${name}:typeof ${name}==="undefined"?undefined:[${name},(f)=>{${name}=f;${exported}}]`;
  });
  return `{${places.join(",")}}`;
}

/** Functions that are kept in constants become variables, so that they can be replaced. */
function withVariables(text: string, names: readonly string[]): string {
  return names.length === 0 ? text : text.replace(new RegExp(`^const (${names.join("|")}) = `, "gm"), "let $1 = ");
}
