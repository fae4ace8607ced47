/** What goes out for what an app gave: text, or a copy of its bytes that nobody changes while it waits. */
export type Outgoing = string | Buffer;

interface OutboxOptions {
  /** Takes each event in the order in which the app gave it. */
  readonly take: (sent: Outgoing, rest: readonly unknown[]) => void;
  /** What the class of the socket makes of a value that is neither text nor bytes. */
  readonly convert: (data: unknown) => Outgoing;
}

/** Reads what an app sends, once: what goes out is what was read. At once, but for a `Blob`, whose bytes nobody has at once. */
export class Outbox {
  readonly #options: OutboxOptions;
  #reading: Promise<void> | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  put(data: unknown, ...rest: readonly unknown[]): void {
    const given = data instanceof Blob ? data : this.#copyOf(data);
    if (!(given instanceof Blob) && this.#reading === undefined) {
      this.#options.take(given, rest);
      return;
    }
    const reading = this.#takeLate(given, rest, this.#reading);
    this.#reading = reading;
    void reading.then(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
  }

  async #takeLate(given: Outgoing | Blob, rest: readonly unknown[], before: Promise<void> | undefined): Promise<void> {
    await before;
    const sent = given instanceof Blob ? await bytesOf(given) : given;
    if (sent !== undefined) this.#options.take(sent, rest);
  }

  #copyOf(data: unknown): Outgoing {
    if (typeof data === "string") return data;
    if (ArrayBuffer.isView(data)) return Buffer.copyBytesFrom(bytesIn(data));
    if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer)
      return Buffer.copyBytesFrom(new Uint8Array(data));
    return this.#options.convert(data);
  }
}

function bytesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** `undefined`: it can't be read, so there is nothing to send. */
async function bytesOf(blob: Blob): Promise<Buffer | undefined> {
  return blob.arrayBuffer().then(
    (bytes) => Buffer.from(bytes),
    () => undefined,
  );
}
