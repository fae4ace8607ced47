/** A library under test as the shared suite needs it: the same few things asked of each, through its own real client. */

export interface Ask {
  readonly prompt: string;
  readonly maxTokens?: number;
  readonly signal?: AbortSignal;
  /** Offers a tool, which the provider's model calls. */
  readonly hasTool?: boolean;
}

export interface LibraryClient {
  /** An answer, as plain data. */
  ask(ask: Ask): Promise<unknown>;
  /** Absent: its API has no streams. */
  stream?(ask: Ask): Promise<AsyncIterable<unknown>>;
  /** What else an app gets an answer or a stream by: each is one call, as plain data. */
  readonly forms?: Readonly<Record<string, (ask: Ask) => Promise<unknown>>>;
}

export interface ClientOptions {
  readonly fault?: string;
  /** `false`: no second attempt. @default what the library does by itself */
  readonly retries?: boolean;
}

export interface Library {
  readonly name: string;
  /** Where it is patched, in `instrumentation/src`. */
  readonly folder: string;
  readonly provider: string;
  readonly operation: string;
  readonly model: string;
  /** A framework: the app finds our error as a cause of its own. */
  readonly isFramework?: boolean;
  /** Its answers do not say what they used, so what is charged is not below the bill. Streams do. */
  readonly hidesUsage?: boolean;
  /** Its streams are chunks of chat completions, in any of which a server may tell the usage. */
  readonly hasChunks?: boolean;
  /** It sends what the app has aborted before it was asked. */
  readonly sendsAborted?: boolean;
  /** 2 where each of its attempts is a call of its own. @default 1 */
  readonly spansOfRetry?: number;
  /** Its client asks the provider on HTTP/2. */
  readonly speaksHttp2?: boolean;
  /** Of a framework, its hooks are there before it is loaded. */
  patch?(): void;
  /** A client of its own; `fault` goes with each of its requests. */
  client(url: string, options?: ClientOptions): LibraryClient;
}

export const TOOL = {
  type: "function" as const,
  function: {
    name: "look_up",
    description: "looks something up",
    parameters: { type: "object", properties: { text: { type: "string" } } },
  },
};

export function faultHeaders(fault: string | undefined): Record<string, string> {
  return fault === undefined ? {} : { "x-simulator-fault": fault };
}
