import type { ControlStreams } from "./control.ts";

const WAITED_FOR_MAX = 20_000;

/** Which processes wait for which request, since this processor started; those it has forgotten ask again by themselves. */
export class ApprovalWaiters {
  readonly #processes = new Map<string, Set<string>>();
  readonly #control: Pick<ControlStreams, "sendApproval">;

  constructor(control: Pick<ControlStreams, "sendApproval">) {
    this.#control = control;
  }

  add(id: string, processId: string): void {
    const waiting = this.#processes.get(id) ?? new Set();
    this.#processes.delete(id);
    this.#processes.set(id, waiting.add(processId));
    const oldest = this.#processes.keys().next();
    if (this.#processes.size > WAITED_FOR_MAX && oldest.done !== true) this.#processes.delete(oldest.value);
  }

  /** Tells those who wait that there is an answer. */
  tell(id: string): void {
    for (const processId of this.#processes.get(id) ?? []) this.#control.sendApproval(processId, id);
    this.#processes.delete(id);
  }
}
