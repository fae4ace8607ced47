/** Runs as a child process of an agent that is ending: sends what it reads on standard input. */
import { readFileSync, rmSync } from "node:fs";
import type { HandedOver } from "./last-words.ts";

const requests = JSON.parse(readFileSync(0, "utf8")) as readonly HandedOver[];
const outcomes = await Promise.allSettled(requests.map(send));
if (outcomes.some((outcome) => outcome.status === "rejected" || !outcome.value)) process.exitCode = 1;

async function send({ url, headers, type, body }: HandedOver): Promise<boolean> {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": type },
    body: contentOf(body),
  });
  // A file that is not taken stays, for the next process of the agent.
  if (response.ok && typeof body === "object" && "file" in body) rmSync(body.file, { force: true });
  return response.ok;
}

function contentOf(body: HandedOver["body"]): string | Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return body;
  return "file" in body ? readFileSync(body.file) : Buffer.from(body.base64, "base64");
}
