/**
 * Large buffers that are used again and again. Memory outside of the heap that comes and goes with every request and every
 * block is what full collections are made for: V8 starts one for each 64 MiB of it that is not known to be free yet.
 *
 * Who takes a buffer owns it, and may lend it. The owner gives it back at most once, when nobody reads it or writes to it any
 * more; a buffer that is never given back is collected like any other, so whoever is in doubt keeps it.
 */

/** Where buffers come from. */
export interface BufferSource {
  /** At least so many bytes, with anything in them. */
  take(bytes: number): Buffer;
}

/** Every buffer is a new one, for what is not worth a pool: tests, small tools. */
export const NEW_BUFFERS: BufferSource = { take: (bytes) => Buffer.allocUnsafeSlow(bytes) };

/** Buffers of a size are kept by its class: four for each power of two. */
const STEPS = 4;
const CLASS_BYTES_MIN = 4_096;
/** A buffer of a class so much higher does as well: half as long again. */
const CLASSES_ABOVE = STEPS / 2;

interface SizeClass {
  readonly idle: Buffer[];
  /** When a buffer was wanted last, by the count of all that were. */
  wanted: number;
}

export class BufferPool implements BufferSource {
  readonly #idleBytesMax: () => number;
  readonly #classes: SizeClass[] = [];
  #idleBytes = 0;
  #wanted = 0;

  /** `idleBytesMax`: bytes of buffers that may wait to be taken again, asked for whenever one is given back; below zero: none. */
  constructor({ idleBytesMax }: { readonly idleBytesMax: () => number }) {
    this.#idleBytesMax = idleBytesMax;
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  take(bytes: number): Buffer {
    const index = classOf(bytes);
    this.#wanted += 1;
    this.#classAt(index).wanted = this.#wanted;
    for (let each = index; each <= index + CLASSES_ABOVE; each += 1) {
      const buffer = this.#classes[each]?.idle.pop();
      if (buffer === undefined) continue;
      this.#idleBytes -= buffer.length;
      return buffer;
    }
    return Buffer.allocUnsafeSlow(bytesOf(index));
  }

  /** Of a buffer that `take` gave, whole. */
  give(buffer: Buffer): void {
    this.#classAt(classOf(buffer.length)).idle.push(buffer);
    this.#idleBytes += buffer.length;
    // Nothing is less than nothing: what is in use may be far more than was meant for all.
    const idleBytesMax = Math.max(0, this.#idleBytesMax());
    while (this.#idleBytes > idleBytesMax) this.#forget();
  }

  /** For what takes several and gives them back together. */
  lease(): BufferLease {
    return new BufferLease(this);
  }

  /** Lets go a buffer of the size that was not wanted for longest. */
  #forget(): void {
    let oldest: SizeClass | undefined;
    for (const each of this.#classes) {
      if (each.idle.length > 0 && (oldest === undefined || each.wanted < oldest.wanted)) oldest = each;
    }
    this.#idleBytes -= oldest?.idle.pop()?.length ?? this.#idleBytes;
  }

  #classAt(index: number): SizeClass {
    for (let next = this.#classes.length; next <= index; next += 1) {
      this.#classes.push({ idle: [], wanted: 0 });
    }
    const found = this.#classes[index];
    if (found === undefined) throw new RangeError(`no size class ${index}`);
    return found;
  }
}

/** Buffers of a pool that are given back together, or not at all. */
export class BufferLease implements BufferSource {
  readonly #pool: BufferPool;
  readonly #taken: Buffer[] = [];
  #isKept = false;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  take(bytes: number): Buffer {
    const buffer = this.#pool.take(bytes);
    this.#taken.push(buffer);
    return buffer;
  }

  /** For who goes on reading: `giveBack` does nothing then. */
  keep(): void {
    this.#isKept = true;
  }

  /** Again is a no-op. */
  giveBack(): void {
    const buffers = this.#taken.splice(0);
    if (!this.#isKept) for (const buffer of buffers) this.#pool.give(buffer);
  }
}

/** The class of the smallest buffer that holds so many bytes. */
function classOf(bytes: number): number {
  if (bytes <= CLASS_BYTES_MIN) return 0;
  const power = 31 - Math.clz32(Math.ceil(bytes / CLASS_BYTES_MIN) - 1);
  const index = power * STEPS;
  for (let step = 0; step <= STEPS; step += 1) if (bytesOf(index + step) >= bytes) return index + step;
  throw new RangeError(`no size class for ${bytes} bytes`);
}

function bytesOf(index: number): number {
  const power = 2 ** Math.floor(index / STEPS);
  return (CLASS_BYTES_MIN * power * (STEPS + (index % STEPS))) / STEPS;
}
