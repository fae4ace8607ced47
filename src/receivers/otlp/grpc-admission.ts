/**
 * What is settled about a gRPC call before its message is read: who sends, whether memory is there for the largest message
 * that may come, and how long it may take to come. A message's size is not known before it is here, so a call
 * reserves the most that is allowed and gives back the rest; calls that find no memory wait, held back by HTTP/2's flow control.
 * Connections take turns at it, and where calls wait, those whose messages are slow to arrive lose what they hold: memory
 * that is only reserved must not be a way to keep others out.
 */
import { constants } from "node:http2";
import { Metadata, type ServerInterceptor, ServerInterceptingCall, status } from "@grpc/grpc-js";
import type { Clock } from "../../support/clock.ts";
import { ANYBODY, type Authenticate } from "./authenticate.ts";
import { type CallStatus, type TransportCall, checkFlag, encodingRefusal } from "./grpc-compression.ts";
import { MemoryGate, type Reservation } from "./memory-gate.ts";

export interface GrpcAdmissionOptions {
  readonly messageBytesMax: number;
  readonly pendingBytesMax: number;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  readonly authenticate: Authenticate | undefined;
}

interface AdmittedCall {
  readonly sender: string | undefined;
  /** From here the memory is held until `finish`, even when nobody waits for the answer any more. */
  readonly begin: () => void;
  readonly finish: () => void;
}

/** A message is in memory twice for a moment: as it came, and unpacked. */
const COPIES = 2;

/**
 * How the calls that our own code did not answer are counted: the client left, its own deadline passed, or the transport
 * refused the message (too large, or not what its compression says).
 */
const ABORTED = "aborted";

export class GrpcAdmission {
  readonly #options: GrpcAdmissionOptions;
  readonly #memory: MemoryGate;
  readonly #answers = new Map<string, number>();
  /** Calls that hold memory for a message that is not there yet, the one that has held it longest first. */
  readonly #arriving = new Set<ArrivingCall>();
  #isWatching = false;
  /** By the call's metadata: the one object that interceptor and handler share. */
  readonly #admitted = new WeakMap<Metadata, AdmittedCall>();

  constructor(options: GrpcAdmissionOptions) {
    this.#options = options;
    this.#memory = new MemoryGate(options.pendingBytesMax);
  }

  /** Answers by the name of their status, and `aborted`. */
  get answers(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#answers);
  }

  /** For the handler, of the metadata that it was called with: whose call it is, and its memory until `finish`. */
  begin(metadata: Metadata): Pick<AdmittedCall, "sender" | "finish"> {
    const admitted = this.#admitted.get(metadata);
    if (admitted === undefined) throw new TypeError("a gRPC call came past the admission");
    admitted.begin();
    return admitted;
  }

  readonly interceptor: ServerInterceptor = (_method, call) => {
    let reservation: Reservation | undefined;
    let arriving: ArrivingCall | undefined;
    let isAnswered = false;
    let isWorking = false;
    let stopTimer = (): void => {};
    const end = (name: string): void => {
      stopTimer();
      if (arriving !== undefined) this.#arriving.delete(arriving);
      if (!isWorking) reservation?.release();
      if (!isAnswered) this.#answers.set(name, (this.#answers.get(name) ?? 0) + 1);
      isAnswered = true;
    };
    const refuse = (refusal: CallStatus): void => {
      if (isAnswered) return;
      end(nameOf(refusal));
      call.sendStatus(refusal);
    };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => {
            const { authenticate, messageBytesMax, requestTimeoutMs, clock } = this.#options;
            const who = authenticate === undefined ? ANYBODY : authenticate(authorizationOf(metadata));
            if (who === undefined) return refuse(UNAUTHENTICATED);
            const unreadable = encodingRefusal(call as TransportCall);
            if (unreadable !== undefined) {
              call.sendMetadata(new Metadata());
              return refuse(unreadable);
            }
            checkFlag(call as TransportCall, refuse);
            const held = this.#memory.reserve(messageBytesMax * COPIES, call.getPeer());
            reservation = held;
            const begin = (): void => {
              isWorking = true;
            };
            this.#admitted.set(metadata, { sender: who.sender, begin, finish: () => held.release() });
            stopTimer = clock.setTimer(requestTimeoutMs, () => refuse(TOO_SLOW));
            void held.granted.then(() => {
              arriving = { sinceMs: clock.monotonic(), giveWay: () => refuse(NEEDED_BY_OTHERS) };
              this.#arriving.add(arriving);
              proceed(metadata);
            });
            this.#watch();
          },
          onReceiveMessage: (message: Buffer, proceed) => {
            if (isAnswered) return;
            if (arriving !== undefined) this.#arriving.delete(arriving);
            reservation?.shrinkTo(message.length);
            proceed(message);
          },
          onReceiveHalfClose: (proceed) => {
            stopTimer();
            proceed();
          },
          onCancel: () => end(ABORTED),
        }),
      sendMessage: (message, next) => {
        this.#limitReading(call);
        next(message);
      },
      sendStatus: (answer, next) => {
        end(nameOf(answer));
        next(answer);
      },
    });
  };

  /**
   * An answer that its client does not read is held for it as long as a message may take to come, then it is dropped. The transport has
   * no public word for "answered, but not read", and the status waits behind the message; without its stream there is no such bound.
   */
  #limitReading(call: object): void {
    const { stream } = call as TransportCall;
    if (stream === undefined || stream.closed) return;
    const { clock, requestTimeoutMs } = this.#options;
    const cancel = clock.setTimer(requestTimeoutMs, () => stream.close(constants.NGHTTP2_CANCEL));
    stream.once("close", cancel);
  }

  /** While calls wait, makes room for them. */
  #watch(): void {
    if (this.#isWatching || !this.#memory.isContended) return;
    this.#isWatching = true;
    this.#options.clock.setTimer(PATIENCE_MS, () => {
      this.#isWatching = false;
      const slowSinceMs = this.#options.clock.monotonic() - PATIENCE_MS;
      for (const call of this.#arriving) {
        if (!this.#memory.isContended || call.sinceMs > slowSinceMs) break;
        call.giveWay();
      }
      this.#watch();
    });
  }
}

interface ArrivingCall {
  readonly sinceMs: number;
  readonly giveWay: () => void;
}

/** How long a message may take to arrive while others wait for the memory that is kept for it. */
const PATIENCE_MS = 1_000;

const NEEDED_BY_OTHERS: CallStatus = {
  code: status.UNAVAILABLE,
  details: "the message arrives too slowly while others wait, come back later",
};

const UNAUTHENTICATED: CallStatus = {
  code: status.UNAUTHENTICATED,
  details: "an agent key is needed in the metadata: authorization: Bearer …",
};

const TOO_SLOW: CallStatus = { code: status.DEADLINE_EXCEEDED, details: "the message took too long to arrive" };

function nameOf({ code }: CallStatus): string {
  return code === undefined ? "UNKNOWN" : status[code];
}

function authorizationOf(metadata: Metadata): string | undefined {
  return metadata.get("authorization")[0]?.toString();
}
