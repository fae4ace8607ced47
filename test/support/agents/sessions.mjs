/**
 * An agent for tests of sessions. With an argument `{session, name}` it runs one tool synchronously and ends at once. Without, it does
 * what it is asked by POST, and answers what came of it: `{code}`, "" when the tool ran. `child`: the same, by a child process that is
 * started in the session and told nothing of it. Its port is its first line on stderr.
 */
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { promisify } from "node:util";
import { guardTool, withContext } from "@tollgate/instrumentation";

const run = async ({ session, name, args = {} }) => {
  try {
    await withContext({ session }, () => guardTool(name, async () => "ran")(args));
    return { code: "" };
  } catch (error) {
    return { code: error.code };
  }
};

const runInChild = async ({ session, name }) => {
  const args = [import.meta.filename, JSON.stringify({ name })];
  const { stdout } = await withContext({ session }, () => promisify(execFile)(process.execPath, args));
  return JSON.parse(stdout);
};

if (process.argv[2] === undefined) {
  const answer = async (request, response) => {
    const step = JSON.parse(Buffer.concat(await request.toArray()).toString("utf8"));
    response.end(JSON.stringify(await (step.child === true ? runInChild(step) : run(step))));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1", () => process.stderr.write(`${server.address().port}\n`));
} else {
  const { name } = JSON.parse(process.argv[2]);
  let code = "";
  try {
    await guardTool("look", async () => "")({});
    guardTool(name, () => "ran")({});
  } catch (error) {
    code = error.code;
  }
  process.stdout.write(JSON.stringify({ code }));
  process.exit(0);
}
