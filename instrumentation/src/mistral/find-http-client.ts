import { asBody } from "../gate/endpoint.ts";

type ClientClass = new (options: object) => unknown;

/**
 * The prototype of what sends a client's requests, which the SDK hides in a private field: another client of the same class, with
 * the same options, shows its own to the hook that the SDK calls first. `null` for a client of another shape.
 */
export function findHttpClient(client: object): object | null {
  const options = asBody((client as { readonly _options?: unknown })._options);
  const hooks = asBody(options?.["hooks"]);
  if (options === undefined || hooks === undefined) return null;
  let shown: object | undefined;
  const sdkInit = (made: { readonly client: object }): unknown => {
    shown = made.client;
    return made;
  };
  // It has to be an instance of the SDK's own class of hooks.
  const watching: unknown = Object.create(hooks, { sdkInit: { value: sdkInit } });
  new (client.constructor as ClientClass)({ ...options, hooks: watching });
  return shown === undefined ? null : (Object.getPrototypeOf(shown) as object | null);
}
