const INITIAL_BYTES = 16_384;

/** A buffer that grows, with the little-endian writes that ClickHouse's Native format is made of. */
export class ByteSink {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;

  /** The bytes so far; valid until the next write. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  uint8(value: number): void {
    this.#reserve(1);
    this.#length = this.#buffer.writeUInt8(value, this.#length);
  }

  uint16(value: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16LE(value, this.#length);
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  /** An unsigned 64-bit integer from a safe whole number. */
  uint64(value: number): void {
    this.#reserve(8);
    this.#buffer.writeUInt32LE(value % 0x1_0000_0000, this.#length);
    this.#buffer.writeUInt32LE(Math.floor(value / 0x1_0000_0000), this.#length + 4);
    this.#length += 8;
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigInt64LE(value, this.#length);
  }

  /** LEB128 without sign. `value` is a safe whole number. */
  varuint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** UTF-8 with its length before it. */
  string(text: string): void {
    const length = Buffer.byteLength(text);
    this.varuint(length);
    this.#reserve(length);
    this.#length += this.#buffer.write(text, this.#length, "utf8");
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
