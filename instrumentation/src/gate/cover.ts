/**
 * A framework's call of a model that the gate has admitted, while it is made: what it sends through a patched SDK passes
 * there, so that nothing is reserved or charged twice. One admission covers one request; a second one within the same work
 * (a retry, a model that asks several others) is gated by itself.
 */
import { AsyncLocalStorage } from "node:async_hooks";

interface Cover {
  isTaken: boolean;
}

const current = new AsyncLocalStorage<Cover>();

/** Runs `work`, whose first request is admitted already. */
export async function underCover<T>(work: () => PromiseLike<T>): Promise<T> {
  const cover: Cover = { isTaken: false };
  try {
    return await current.run(cover, work);
  } finally {
    // What is left running in this context is none of the admitted call.
    cover.isTaken = true;
  }
}

/** True once for each admission: the request that is about to be made is covered by it. */
export function takeCover(): boolean {
  const cover = current.getStore();
  if (cover === undefined || cover.isTaken) return false;
  cover.isTaken = true;
  return true;
}
