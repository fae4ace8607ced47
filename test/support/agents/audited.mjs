/**
 * An agent for tests of the audit: calls a tool as often as its first argument says, sends what it has, calls it as often again
 * as the second says, and ends: by itself, or by SIGKILL with "killed" as the third. Any other third is a file that has to be there
 * before it calls again.
 */
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { guardTool, registerTollgate, withContext } from "@tollgate/instrumentation";

const [sent = "0", unsent = "0", end = ""] = process.argv.slice(2);
const tool = guardTool("read_order", async ({ id }) => `order ${String(id)}`);
const call = (count) =>
  withContext({ session: "s-1", user: "zoë" }, () =>
    Promise.all(Array.from({ length: Number(count) }, (_none, id) => tool({ id }))),
  );

await call(sent);
await registerTollgate().flush();
while (end !== "" && end !== "killed" && !existsSync(end)) await delay(20);
await call(unsent);
if (end === "killed") process.kill(process.pid, "SIGKILL");
