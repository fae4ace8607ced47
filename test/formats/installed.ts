/** Formats that need a tool of their own, which only the script that makes the table installs: other bundlers, servers and runtimes. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { commonJsSource, esmSource, INDEX, PRELOAD, REGISTER, write } from "./agents.ts";
import type { Format } from "./agents.ts";

/** What is installed for them. */
export const BUNDLERS = ["webpack@5.112.2"];
export const RUNTIMES = ["bun@1.4.5", "deno@2.9.6"];

/** `tools` is where the bundlers are installed. */
export function bundledByWebpack(tools: string): readonly Format[] {
  return (["libraries external", "library in the bundle", "the gate in the bundle"] as const).map((form) => ({
    name: `webpack, ${form}`,
    expected: form === "library in the bundle" ? "wire" : "library",
    prepare(folder, library) {
      const isExternal = form !== "library in the bundle";
      const hasGate = form === "the gate in the bundle";
      const name = `webpack-${form.replaceAll(" ", "-")}`;
      const register =
        'import { registerTollgate } from "@tollgate/instrumentation";\nawait registerTollgate().ready;\n';
      const config = {
        mode: "production",
        target: "node",
        devtool: false,
        entry: write(folder, `${name}.mjs`, esmSource(library, hasGate ? register : "")),
        output: { path: folder, filename: `${name}.bundle.cjs` },
        externals: isExternal ? { [library.name]: `commonjs ${library.name}` } : {},
      };
      const script = `require("webpack")(${JSON.stringify(config)}, (error, stats) => { if (error || stats.hasErrors()) throw error ?? new Error(stats.toString()); });`;
      execFileSync(process.execPath, ["-e", script], { cwd: tools, stdio: "ignore" });
      return { args: [...(hasGate ? [] : PRELOAD), join(folder, config.output.filename)] };
    },
  }));
}

/** How a program of another runtime gets the gate. */
export function runtimeFormats(preload: readonly string[], run: readonly string[]): readonly Format[] {
  const index = pathToFileURL(INDEX).href;
  return [
    {
      name: "ESM, preloaded",
      expected: "library",
      prepare: (folder, library) => ({
        args: [...run, ...preload, REGISTER, write(folder, "preloaded.mjs", esmSource(library))],
      }),
    },
    {
      name: "CommonJS, preloaded",
      expected: "library",
      prepare: (folder, library) => ({
        args: [...run, ...preload, REGISTER, write(folder, "preloaded.cjs", commonJsSource(library))],
      }),
    },
    {
      name: "`registerTollgate()` in the app",
      expected: "library",
      prepare(folder, library) {
        const register = `import { registerTollgate } from "${index}";\nawait registerTollgate().ready;\n`;
        return { args: [...run, write(folder, "in-app.mjs", esmSource(library, register))] };
      },
    },
    {
      name: "`guard(client)`",
      expected: "held",
      prepare(folder, library) {
        const guarded = library.call.replace(/^new (\w+)\((.*?\})\)/, 'guard(new $1($2), { budget: "$$0.000001" })');
        const imports = `import { guard } from "${index}";\n`;
        return { args: [...run, write(folder, "guarded.mjs", esmSource({ ...library, call: guarded }, imports))] };
      },
    },
  ];
}
