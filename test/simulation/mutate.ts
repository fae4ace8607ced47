/** Loaded before everything else (`node --import`): puts the mutant named by `TOLLGATE_SIM_MUTANT` into the source that is read. */
import { registerHooks } from "node:module";
import { MUTANTS } from "./mutants.ts";

const name = process.env["TOLLGATE_SIM_MUTANT"];
const mutant = MUTANTS.find((candidate) => candidate.name === name);
if (mutant === undefined) throw new Error(`no mutant \`${name}\``);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/${mutant.file}`) || loaded.source === undefined) return loaded;
    const source =
      typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
    const parts = source.split(mutant.find);
    if (parts.length !== 2) {
      process.stdout.write(`not there once: ${mutant.find}\n`);
      process.exit(3);
    }
    return { ...loaded, source: parts.join(mutant.replace) };
  },
});
