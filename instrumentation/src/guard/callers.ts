/** Which objects of a client make its calls, and have the class that the gate is in. */
import { findHttpClient } from "../mistral/find-http-client.ts";
import { packageOfClient, patchPrototype } from "../registration/patch-sdk.ts";

/** What makes a client's calls, their classes patched: the client itself, or its parts. `undefined`: no client that is known. */
export function patchCallers(client: object): readonly object[] | undefined {
  const name = packageOfClient(client);
  if (name === undefined) return undefined;
  const callers = callersOf(name, client);
  const prototypes = prototypesOf(name, callers);
  const arePatched = prototypes.length > 0 && prototypes.every((prototype) => patchPrototype(name, prototype));
  return arePatched ? callers : undefined;
}

function callersOf(name: string, client: object): readonly object[] {
  const parts = client as Readonly<Record<string, object>>;
  const names = PARTS[name];
  if (names === undefined) return [client];
  const found = names.map((part) => parts[part]).filter((part) => typeof part === "object");
  return name === "@google/genai" ? found : [client, ...found];
}

/** Parts that each client makes once and keeps. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  "@google/genai": ["models"],
  "@mistralai/mistralai": ["chat", "fim", "agents", "embeddings"],
  // `CohereClientV2` has one of each class inside, `CohereClient` the newer one.
  "cohere-ai": ["client", "clientV2", "v2"],
};

function prototypesOf(name: string, callers: readonly object[]): readonly (object | null)[] {
  switch (name) {
    case "@mistralai/mistralai": {
      const [client] = callers;
      const owner = client === undefined ? null : ownerOf(client, "_do");
      return [owner, client === undefined ? null : findHttpClient(client)];
    }
    case "cohere-ai":
      return callers.map((caller) => ownerOf(caller, "__chat")).filter((owner) => owner !== null);
    default:
      return callers.map((caller) => Object.getPrototypeOf(caller) as object | null);
  }
}

/** The prototype that a method comes from; `null`: it has none of that name. */
function ownerOf(caller: object, method: string): object | null {
  let owner = Object.getPrototypeOf(caller) as object | null;
  while (owner !== null && !Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner) as object | null;
  return owner;
}
