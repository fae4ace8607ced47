/** What the processor and the engine's process say to each other over their channel. */
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
}

/** The last message to the child: end, when what runs has ended or its time is over. */
export interface StopMessage {
  readonly type: "stop";
}

/** What the processor tells the child. */
export type ParentMessage = StartMessage | StopMessage;

/** What the child answers with: once, when it serves or can't. */
export type ChildMessage =
  | { readonly type: "ready"; readonly port: number; readonly version: string }
  | { readonly type: "failed"; readonly message: string };
