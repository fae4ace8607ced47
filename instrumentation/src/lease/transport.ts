import type {
  AcquireReply,
  AcquireRequest,
  ApprovalAsk,
  ApprovalReply,
  ApprovalUse,
  CloseRequest,
  ControlEvent,
  HelloReply,
  HelloRequest,
  SessionsReply,
  SessionsReport,
  StoppedReport,
} from "../protocol.ts";

/** How the reason of what is `rejected` begins: there was an answer. */
export const REFUSED = "the processor refused: ";

/** What became of a message to the ledger. */
export type Answer<Reply> =
  | { readonly kind: "reply"; readonly reply: Reply }
  /** No answer, or one that says to come back later: it may or may not have been done. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** 409: the lease is closed, expired or another process's. */
  | { readonly kind: "lease_lost" }
  /** 409: the ledger does not know this process (it restarted): say hello again. */
  | { readonly kind: "process_unknown" }
  /** 403: somebody killed this agent; `reason` says who and why. */
  | { readonly kind: "killed"; readonly reason: string }
  /** Refused for good: wrong credential, malformed message. */
  | { readonly kind: "rejected"; readonly reason: string };

/** The way to the ledger. None of it holds the process open: a call that waits holds it by the timer of its deadline. */
export interface Transport {
  hello(request: HelloRequest): Promise<Answer<HelloReply>>;
  acquire(request: AcquireRequest): Promise<Answer<AcquireReply>>;
  close(request: CloseRequest): Promise<Answer<unknown>>;
  /** Says that a list of acts was applied. */
  stopped(report: StoppedReport): Promise<Answer<unknown>>;
  /** Absent: nobody can be asked. */
  readonly approvals?: ApprovalTransport;
  /** Absent: what other processes see of sessions is not known. */
  sessions?(report: SessionsReport): Promise<Answer<SessionsReply>>;
  /** Listens until `stop` is called, through any number of connections. `onOpen` at each of them. */
  listen(processId: string, listener: ControlListener): { stop(): void };
  /** Ends idle connections. */
  stop(): void;
}

export interface ControlListener {
  onEvent(event: ControlEvent): void;
}

/** The way to the people who approve. */
export interface ApprovalTransport {
  ask(request: ApprovalAsk): Promise<Answer<ApprovalReply>>;
  use(id: string, request: ApprovalUse): Promise<Answer<ApprovalReply>>;
}
