/**
 * Mastra tries a model again after any error but those of the AI SDK's own class that say they are final. What the gate refuses is
 * refused: in Mastra, the typed error says so in that class's words too.
 */
import { findTollgateError } from "../errors.ts";

/** By which the AI SDK knows its errors, from whatever copy. */
const API_CALL_ERROR = Symbol.for("vercel.ai.error.AI_APICallError");
const METHODS = ["doGenerate", "doStream"] as const;

type Method = (this: unknown, ...given: unknown[]) => PromiseLike<unknown>;

/** For the object that Mastra puts around a model. */
export function endRetries(model: object): void {
  const methods = model as Partial<Record<(typeof METHODS)[number], Method>>;
  for (const name of METHODS) {
    const original = methods[name];
    if (typeof original !== "function") continue;
    const value: Method = async function (this: unknown, ...given) {
      try {
        return await original.apply(this, given);
      } catch (error) {
        const refusal = findTollgateError(error);
        if (refusal !== undefined) {
          Object.defineProperties(refusal, {
            [API_CALL_ERROR]: { value: true, configurable: true },
            isRetryable: { value: false, configurable: true },
          });
        }
        throw error;
      }
    };
    Object.defineProperty(model, name, { value, configurable: true, writable: true });
  }
}
