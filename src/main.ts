#!/usr/bin/env node
/**
 * The process edge. This file must parse and run on Node 20: when the Node that runs it is too old for the rest, it
 * hands over to the one that the clone brings (dev dependency `node`), and says what to do when there is none.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** As `npm start` has it: spans live for as long as it takes to write them, and a larger nursery spares a fifth of the CPU. */
const NODE_OPTIONS = ["--max-semi-space-size=32"];

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const isRecent = major > 22 || (major === 22 && minor >= 15);

if (isRecent) {
  const { main } = await import("./cli/main.ts");
  await main();
} else {
  const here = fileURLToPath(import.meta.url);
  const node = nodeOfClone(dirname(here));
  if (node === undefined) {
    process.stderr.write(
      `tollgate needs Node 22.15 or newer, this is ${process.versions.node}; run \`npm ci\` in the clone, which brings one\n`,
    );
    process.exitCode = 2;
  } else {
    const child = spawn(node, [...NODE_OPTIONS, here, ...process.argv.slice(2)], { stdio: "inherit" });
    // The child hears Ctrl-C from the terminal itself; the rest is passed on, and the exit code comes back.
    process.on("SIGINT", () => {});
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    process.on("SIGHUP", () => child.kill("SIGHUP"));
    child.on("exit", (code, signal) => {
      process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
    });
  }
}

function nodeOfClone(start: string): string | undefined {
  for (let directory = start; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", "node", "bin", "node");
    if (existsSync(candidate)) return candidate;
    if (dirname(directory) === directory) return undefined;
  }
}
