/** What the processor and the engine's process say to each other over their channel. */
import type { EngineStats } from "./engine-stats.ts";
import type { EngineUser } from "./users.ts";

/** The first message to the child. */
export interface StartMessage {
  readonly type: "start";
  readonly dataDir: string;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly users: readonly EngineUser[];
  readonly concurrencyMax: number;
  readonly queueMax: number;
  readonly bodyBytesMax: number;
  /** A client that takes nothing of its answer for so long is given up. */
  readonly stallMsMax: number;
  /** Of all queries together. @default what `defaultMemoryBytes` says */
  readonly memoryMaxBytes: number | undefined;
}

/** The last message to the child: end, when what runs has ended or its time is over. */
export interface StopMessage {
  readonly type: "stop";
}

/** Asks a serving child for its figures; `id` comes back with them. */
export interface StatsRequest {
  readonly type: "stats";
  readonly id: number;
}

/** Asks a serving child whether its event loop runs. */
export interface PingMessage {
  readonly type: "ping";
}

/** Who may ask from now on. */
export interface UsersMessage {
  readonly type: "users";
  readonly users: readonly EngineUser[];
}

/** What the processor tells the child. */
export type ParentMessage = StartMessage | StopMessage | StatsRequest | PingMessage | UsersMessage;

/** What the child answers with: once, when it serves or can't; and to each request for figures. */
export type ChildMessage =
  | { readonly type: "ready"; readonly port: number; readonly version: string }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "pong" }
  | { readonly type: "stats"; readonly id: number; readonly stats: EngineStats };
