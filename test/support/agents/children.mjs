/** Starts one child in each of Node's ways and prints, as a line of JSON each, what it found in its environment. */
import * as processes from "node:child_process";
import { env, execPath, stdout } from "node:process";
import { promisify } from "node:util";
import { withContext } from "@tollgate/instrumentation";

const script = `console.log(JSON.stringify({ options: process.env.NODE_OPTIONS ?? "", baggage: process.env.BAGGAGE ?? "" }))`;
const args = ["-e", script];
const command = `"${execPath}" -e '${script}'`;
const replaced = { env: { PATH: env.PATH } };

const ways = {
  exec: async () => (await promisify(processes.exec)(command)).stdout,
  execFile: async () => (await promisify(processes.execFile)(execPath, args)).stdout,
  execFileOtherName: async () =>
    (await promisify(processes.execFile)(execPath, args, { env: { ...env, TOLLGATE_AGENT: "x", BAGGAGE: "" } })).stdout,
  execSync: () => processes.execSync(command),
  execFileSync: () => processes.execFileSync(execPath, args),
  spawnSync: () => processes.spawnSync(execPath, args).stdout,
  spawnSyncReplaced: () => processes.spawnSync(execPath, args, replaced).stdout,
  execFileReplaced: async () => (await promisify(processes.execFile)(execPath, args, replaced)).stdout,
};

for (const [way, run] of Object.entries(ways)) {
  const found = await withContext({ session: way }, run);
  stdout.write(`${JSON.stringify({ way, ...JSON.parse(found) })}\n`);
}
processes.spawnSync("true");
processes.spawnSync("true");
