/**
 * Puts the gate into a model object of the AI SDK: into the class that its `doGenerate` comes from, or into the object itself
 * where it has one of its own. So each model is gated from the first time the SDK sees one of its kind, whatever provider
 * it is of, and however it is called then.
 */
import { callModel } from "../framework/call-model.ts";
import { observeStream } from "../framework/observe-stream.ts";
import { asBody } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import type { GatedCall } from "../gate/gated-call.ts";
import { observeParsed } from "../stainless/observe-answer.ts";
import { replace } from "../stainless/patch-client.ts";
import { embeddingModel } from "./embedding-model.ts";
import { languageModel } from "./language-model.ts";
import { modelProvider } from "./model-provider.ts";

interface Model {
  readonly provider: string;
  readonly modelId: string;
}

type Method = (this: Model, options: Body) => PromiseLike<unknown>;

const METHODS = ["doGenerate", "doStream", "doEmbed"] as const;
type MethodName = (typeof METHODS)[number];

const gated = new WeakSet<object>();
/** Models around other models: those inside make the requests. */
const wrappers = new WeakSet<object>();

export function markWrapper(model: unknown): void {
  // With no middleware at all, the SDK gives the model itself back.
  if (typeof model === "object" && model !== null && Object.getPrototypeOf(model) === Object.prototype) {
    if (!gated.has(Reflect.get(model, "doGenerate") as object)) wrappers.add(model);
  }
}

/** Gates a model and its kind. Once; anything else is left alone. */
export function gateModel(model: unknown): void {
  if (typeof model !== "object" || model === null || wrappers.has(model)) return;
  for (const name of METHODS) {
    const owner = ownerOf(model, name);
    if (owner === undefined || gated.has(owner[name] as object)) continue;
    const ours = gatedMethod(name, owner[name] as Method, owner !== model && !hasPrivateFields(owner));
    gated.add(ours);
    replace(owner, name, ours);
  }
}

function ownerOf(model: object, name: MethodName): Record<MethodName, unknown> | undefined {
  for (let owner: object | null = model; owner !== null; owner = Object.getPrototypeOf(owner) as object | null) {
    const value: unknown = Object.getOwnPropertyDescriptor(owner, name)?.value;
    if (typeof value === "function") return owner as Record<MethodName, unknown>;
  }
  return undefined;
}

/** Private fields are of the object alone: another one in front of it has none. */
function hasPrivateFields({ constructor }: object): boolean {
  return Function.prototype.toString.call(constructor).includes("this.#");
}

function gatedMethod(name: MethodName, original: Method, isSwitchable: boolean): Method {
  return function (this: Model, options: Body) {
    const canSwitch = isSwitchable && Object.hasOwn(this, "modelId");
    const { abortSignal } = options;
    return callModel({
      endpoint: endpointOf(this, name, !canSwitch),
      body: options,
      signal: abortSignal instanceof AbortSignal ? abortSignal : undefined,
      send: (body, signal) => {
        const { model: modelId, ...sent } = body as Body & { readonly model?: string };
        const model = modelId === undefined ? this : switched(this, modelId);
        return original.call(model, signal === undefined ? sent : { ...sent, abortSignal: signal });
      },
      observe: (call, answer) => (name === "doStream" ? observeParts(call, answer) : observeParsed(call, answer)),
    });
  };
}

function endpointOf(model: Model, name: MethodName, isModelFixed: boolean): Endpoint {
  const provider = modelProvider(model);
  if (name === "doEmbed") return embeddingModel(provider);
  return languageModel({ ...provider, isStreamed: name === "doStream", isModelFixed });
}

/** The same model by another name, as a budget wants it. */
function switched(model: Model, modelId: string): Model {
  return Object.create(model, { modelId: { value: modelId, enumerable: true } }) as Model;
}

function observeParts(call: GatedCall, answer: unknown): unknown {
  const result = asBody(answer);
  const stream = result?.["stream"];
  if (!(stream instanceof ReadableStream)) return observeParsed(call, answer);
  return { ...result, stream: observeStream(call, stream) };
}
