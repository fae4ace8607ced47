/** What an adapter knows of a call that the app is about to make. */
import type { Context } from "@opentelemetry/api";
import type { CallGuard } from "./call-guard.ts";
import type { Server } from "./call-span.ts";
import type { Body, Endpoint, RequestFacts } from "./endpoint.ts";

export interface CallOptions {
  readonly endpoint: Endpoint;
  /** The app's body; never changed. */
  readonly body: Body;
  readonly facts: RequestFacts;
  readonly server: Server | undefined;
  readonly signal: AbortSignal | undefined;
  readonly guard: CallGuard | undefined;
  /** The app's context when it made the call. */
  readonly parent: Context;
}
