/** Loaded before a process's own code: at SIGUSR2 it takes all garbage. What V8 keeps besides, an idle process may keep for ever. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
process.on("SIGUSR2", () => collect());
