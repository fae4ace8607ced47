/** Lists of keys as bytes: records of one kind share theirs, so that one look at the bytes says which it is. */
import { hash as sha } from "node:crypto";
import { isUtf8 } from "node:buffer";
import { type Cover, isCoveredSo } from "./hashed-line.ts";
import { TextMarks } from "./text-marks.ts";
import { WordView } from "./word-view.ts";

const CLOSE = 0x5d;
/** Of kinds of records there are some ten. */
const SHAPES_MAX = 64;

export interface KeyShape {
  /** The JSON of the list. */
  readonly bytes: Buffer;
  /** The same, but for the last bytes that make no word of four. */
  readonly words: readonly number[];
  readonly keys: readonly string[];
  readonly digest: string;
}

export class KeyShapes<T extends KeyShape> {
  readonly #cover: Cover;
  readonly #complete: (shape: KeyShape) => T;
  readonly #marks = new TextMarks();
  readonly #shapes: T[] = [];
  readonly #words = new WordView();

  /** `complete` adds what the caller needs to know of a list. */
  constructor(cover: Cover, complete: (shape: KeyShape) => T) {
    this.#cover = cover;
    this.#complete = complete;
  }

  /** The list that stands there; `undefined` where it is none, or one that a link would not have. */
  at(bytes: Buffer, at: number): T | undefined {
    const shapes = this.#shapes;
    for (let index = 0; index < shapes.length; index += 1) {
      const shape = shapes[index] as T;
      if (!isThere(shape, bytes, { at, view: this.#words.of(bytes) })) continue;
      if (index > 0) {
        // What is seen often comes to stand first.
        shapes[index] = shapes[index - 1] as T;
        shapes[index - 1] = shape;
      }
      return shape;
    }
    return this.#learn(bytes, at);
  }

  #learn(bytes: Buffer, at: number): T | undefined {
    this.#marks.clear();
    const to = this.#marks.readList(bytes, at);
    if (to < 0) return undefined;
    const own = Buffer.from(bytes.subarray(at, to));
    if (!isUtf8(own)) return undefined;
    const keys = JSON.parse(own.toString()) as readonly string[];
    if (!isCoveredSo(keys, this.#cover)) return undefined;
    const shape = this.#complete({ bytes: own, words: wordsOf(own), keys, digest: sha("sha256", own, "hex") });
    if (this.#shapes.length >= SHAPES_MAX) this.#shapes.pop();
    this.#shapes.push(shape);
    return shape;
  }
}

function wordsOf(bytes: Buffer): readonly number[] {
  return Array.from({ length: Math.trunc(bytes.length / 4) }, (_, index) => bytes.readInt32LE(index * 4));
}

interface Looked {
  readonly at: number;
  readonly view: DataView;
}

function isThere({ bytes: own, words }: KeyShape, bytes: Buffer, { at, view }: Looked): boolean {
  const { length } = own;
  if (at + length > bytes.length || bytes[at + length - 1] !== CLOSE) return false;
  for (let index = 0; index < words.length; index += 1)
    if (view.getInt32(at + index * 4, true) !== words[index]) return false;
  for (let index = words.length * 4; index < length; index += 1) if (bytes[at + index] !== own[index]) return false;
  return true;
}
