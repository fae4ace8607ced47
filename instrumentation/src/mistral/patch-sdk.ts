/**
 * Puts the gate into `@mistralai/mistralai`: `ClientSDK._do`, through which every operation goes, whether it was asked of the
 * client or of a function of its own, and `HTTPClient.request`, which is each attempt on the wire. The body is read there as
 * it was serialised: the SDK hides both the object before it and the client that sends it.
 */
import { FetchCall } from "../fetch-call/fetch-call.ts";
import { gateMethod } from "../fetch-call/gate-method.ts";
import { rememberText } from "../gate/sent-body.ts";
import { isPatched, PATCHED, replace } from "../stainless/patch-client.ts";
import { mistralEndpoint } from "./endpoints.ts";

interface HttpClient {
  request: (this: HttpClient, request: Request) => Promise<Response>;
}

interface Sdk {
  _do: (this: Sdk, ...parameters: unknown[]) => Promise<unknown>;
}

/** Patches either class once. False for one of another shape than the gate knows. */
export function patchMistral(prototype: object | null): boolean {
  if (prototype === null) return false;
  if (isPatched(prototype)) return true;
  const { _do, request } = prototype as { readonly _do?: unknown; readonly request?: unknown };
  if (typeof _do === "function") {
    gateMethod(prototype, "_do", { findEndpoint: mistralEndpoint, prepare: () => {} });
    answerRefusals(prototype as Sdk);
  } else if (typeof request === "function") patchHttpClient(prototype as HttpClient);
  else return false;
  Object.defineProperty(prototype, PATCHED, { value: true });
  return true;
}

/**
 * `_do` never rejects: what goes wrong is a `Result` of the SDK's, whose error its methods throw. Up to 1.x a rejection would also end
 * the process, however well the app catches it: the SDK's promise keeps a second one that nobody handles.
 */
function answerRefusals(sdk: Sdk): void {
  const gated = sdk._do;
  replace(sdk, "_do", async function (...parameters) {
    try {
      return await gated.apply(this, parameters);
    } catch (error) {
      return { ok: false, error };
    }
  });
}

function patchHttpClient(client: HttpClient): void {
  const original = client.request;
  replace(client, "request", async function (request) {
    const call = FetchCall.running;
    const isJson = request.headers.get("content-type")?.startsWith("application/json") === true;
    if (call === undefined || request.method !== "POST" || !isJson) return original.call(this, request);
    return call.attempt({
      url: request.url,
      body: await request.clone().text(),
      signal: request.signal,
      send: (changed) => original.call(this, rememberText(new Request(request, changed), changed.body)),
      pass: () => original.call(this, request),
    });
  });
}
