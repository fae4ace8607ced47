/**
 * Is what is loaded patched? Each copy of a known library is written down as it is loaded, and a call on the wire that an
 * unpatched copy has sent shows that there is one which nobody saw. What is not patched is said once in the log with the fix,
 * on a span, and to the processor.
 */
import type { Logger } from "../config/logger.ts";
import { libraryAt } from "./library-at.ts";

/** A copy of a library in this process. */
export interface LoadedLibrary {
  readonly name: string;
  /** "" where it can't be told. */
  readonly version: string;
  /** Path or URL of the file; "" for a copy that only its calls tell of. */
  readonly location: string;
  readonly isPatched: boolean;
}

/** Where `tollgate doctor` finds the probe of a process. */
const PROBE = Symbol.for("tollgate.probe");

export interface ProbeOptions {
  readonly logger: Logger;
  /** Called with every copy that is not patched, once. */
  readonly onUnpatched: (library: LoadedLibrary) => void;
}

/** What SDKs say of themselves. */
const USER_AGENTS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^(?:Azure)?OpenAI\/JS (\S+)/, "openai"],
  [/^Anthropic(?:\w*)\/JS (\S+)/, "@anthropic-ai/sdk"],
  [/^Groq\/JS (\S+)/, "groq-sdk"],
  [/google-genai-sdk\/(\S+)/, "@google/genai"],
];

export class Probe {
  readonly #options: ProbeOptions;
  readonly #libraries = new Map<string, LoadedLibrary>();

  constructor(options: ProbeOptions) {
    this.#options = options;
    Object.defineProperty(globalThis, PROBE, { value: () => [...this.#libraries.values()], configurable: true });
  }

  /** A module of a known library was loaded. */
  loaded(name: string, location: string, isPatched: boolean): void {
    this.#add({ ...libraryAt(name, location), location, isPatched });
  }

  /** A call that only the wire has gated, by what its sender calls itself. */
  sent(userAgent: string): void {
    for (const [pattern, name] of USER_AGENTS) {
      const version = pattern.exec(userAgent)?.[1];
      if (version === undefined) continue;
      // A patched copy also has calls that its patch does not gate.
      const isKnown = [...this.#libraries.values()].some((known) => known.name === name && known.version === version);
      if (isKnown) return;
      this.#add({ name, version, location: "", isPatched: false });
      this.#options.logger.log(
        "warn",
        `${name} ${version} sends calls, but no patched copy of it is loaded: they are gated on the wire only. ` +
          "It is bundled into the app (keep it external), or was loaded before the gate " +
          "(start with `node --import @tollgate/instrumentation/register`); `tollgate doctor -- node agent.js` tells which",
      );
      return;
    }
  }

  /** `name@version` of each copy that is not patched. */
  get unpatched(): readonly string[] {
    return [...this.#libraries.values()].filter(({ isPatched }) => !isPatched).map(describeLibrary);
  }

  #add(library: LoadedLibrary): void {
    const key = library.location === "" ? describeLibrary(library) : library.location;
    if (this.#libraries.has(key)) return;
    this.#libraries.set(key, library);
    if (!library.isPatched) this.#options.onUnpatched(library);
  }
}

export function describeLibrary({ name, version }: Pick<LoadedLibrary, "name" | "version">): string {
  return version === "" ? name : `${name}@${version}`;
}
