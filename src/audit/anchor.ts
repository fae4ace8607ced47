/** Where heads of the log go beside the database: a place that whoever can change the database cannot. */
import { appendFile } from "node:fs/promises";
import { type Checkpoint, checkpointHash } from "./checkpoint.ts";

export interface Anchor {
  /** For messages. */
  readonly name: string;
  /** Rejects when the head could not be kept; the next one holds it too. */
  keep(checkpoint: Checkpoint): Promise<void>;
}

/** A head as it is kept: the signed checkpoint without its leaves. */
export function anchoredHead(checkpoint: Checkpoint): object {
  const { log, number, size, root, time, previous, key, signature } = checkpoint;
  return { log, number, size, root, time, previous, key, signature, hash: checkpointHash(checkpoint) };
}

/** One line of JSON for each head, added to a file. */
export function fileAnchor(file: string): Anchor {
  return {
    name: file,
    keep: (checkpoint) => appendFile(file, `${JSON.stringify(anchoredHead(checkpoint))}\n`, { mode: 0o600 }),
  };
}

const REQUEST_TIMEOUT_MS = 5_000;

/** POST of each head as JSON. */
export function httpAnchor(url: string, headers: Readonly<Record<string, string>>): Anchor {
  return {
    name: new URL(url).origin,
    async keep(checkpoint) {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(anchoredHead(checkpoint)),
        redirect: "error",
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
    },
  };
}
