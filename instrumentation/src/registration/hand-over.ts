/** Runs as a child process of an agent that is ending: sends what it reads on standard input. */
import { readFileSync } from "node:fs";
import type { HandedOver } from "./last-words.ts";

const requests = JSON.parse(readFileSync(0, "utf8")) as readonly HandedOver[];
await Promise.allSettled(
  requests.map(({ url, headers, body }) =>
    fetch(url, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body }),
  ),
);
