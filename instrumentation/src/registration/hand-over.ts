/** Runs as a child process of an agent that is ending: sends what it reads on standard input. */
import { readFileSync, rmSync } from "node:fs";
import type { HandedOver } from "./last-words.ts";

const requests = JSON.parse(readFileSync(0, "utf8")) as readonly HandedOver[];
const outcomes = await Promise.allSettled(requests.map(send));
if (outcomes.some((outcome) => outcome.status === "rejected" || !outcome.value)) process.exitCode = 1;

async function send({ url, headers, body }: HandedOver): Promise<boolean> {
  const text = typeof body === "string" ? body : readFileSync(body.file, "utf8");
  const json = { ...headers, "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers: json, body: text });
  // A file that is not taken stays, for the next process of the agent.
  if (response.ok && typeof body !== "string") rmSync(body.file, { force: true });
  return response.ok;
}
