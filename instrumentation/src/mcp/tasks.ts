/**
 * Tools that answer with a task: they are decided on when they are asked for, and what they give comes later, by `tasks/result`. Of
 * each connection the last of them are remembered, so that what a result holds is known to the session of the call.
 */
import { asBody, asText } from "../gate/endpoint.ts";
import type { GivesLater } from "../guard/tool-call.ts";

const TASKS_MAX = 256;

const connections = new WeakMap<object, Map<string, GivesLater>>();

export function rememberTask(connection: object, answer: unknown, gives: GivesLater): void {
  const id = asText(asBody(asBody(answer)?.["task"])?.["taskId"]);
  if (id === undefined) return;
  const tasks = connections.get(connection) ?? new Map<string, GivesLater>();
  connections.set(connection, tasks);
  tasks.set(id, gives);
  const [oldest] = tasks.keys();
  if (tasks.size > TASKS_MAX && oldest !== undefined) tasks.delete(oldest);
}

/** `answer` is what `tasks/result` gives: nobody has it before the session has. */
export async function tellTask(connection: object, request: unknown, answer: unknown): Promise<unknown> {
  const result = await answer;
  const id = asText(asBody(asBody(request)?.["params"])?.["taskId"]) ?? "";
  await connections.get(connection)?.get(id)?.(result);
  return result;
}
