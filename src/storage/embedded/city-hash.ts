/**
 * CityHash128 as of version 1.0.2, the checksum of ClickHouse's compressed frames. Later versions of CityHash give other
 * values, so no current library does.
 * @see https://github.com/ClickHouse/ClickHouse/tree/master/contrib/cityhash102
 *
 * 64-bit words are bigints cut by `BigInt.asUintN(64, …)`, which V8 compiles to plain 64-bit arithmetic.
 */

const K0 = 0xc3a5c85c97cb3127n;
const K1 = 0xb492b66fbe98f273n;
const K2 = 0x9ae16a3b2f90404fn;
const K3 = 0xc949d7c7509e6557n;
const MULTIPLIER = 0x9ddfea08eb382d69n;

type Pair = readonly [low: bigint, high: bigint];

/** The hash of `bytes`, as it stands in a frame: the low word first, both little-endian. */
export function cityHash128(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [low, high] = hash(view);
  const result = new DataView(new ArrayBuffer(16));
  result.setBigUint64(0, low, true);
  result.setBigUint64(8, high, true);
  return new Uint8Array(result.buffer);
}

function hash(view: DataView): Pair {
  const length = view.byteLength;
  if (length >= 16) return hashSeeded(tail(view, 16), read(view, 0) ^ K3, read(view, 8));
  if (length >= 8) {
    return hashSeeded(tail(view, length), read(view, 0) ^ word(BigInt(length) * K0), read(view, length - 8) ^ K1);
  }
  return hashSeeded(view, K0, K1);
}

function hashSeeded(view: DataView, seedLow: bigint, seedHigh: bigint): Pair {
  const length = view.byteLength;
  if (length < 128) return hashShort(view, seedLow, seedHigh);
  let x = seedLow;
  let y = seedHigh;
  let z = word(BigInt(length) * K1);
  let v0 = word(rotate(y ^ K1, 49n) * K1 + read(view, 0));
  let v1 = word(rotate(v0, 42n) * K1 + read(view, 8));
  let w0 = word(rotate(word(y + z), 35n) * K1 + x);
  let w1 = word(rotate(word(x + read(view, 88)), 53n) * K1);
  let at = 0;
  // ClickHouse unrolls this twice, so a last odd 64 bytes go to the loop below.
  for (const end = length - (length % 128); at < end; at += 64) {
    x = word(rotate(word(x + y + v0 + read(view, at + 16)), 37n) * K1) ^ w1;
    y = word(rotate(word(y + v1 + read(view, at + 48)), 42n) * K1) ^ v0;
    z = rotate(z ^ w0, 33n);
    // weak(at, v1 * K1, x + w0) and weak(at + 32, z + w1, y), in place: a pair for each would cost half the speed.
    let a = word(v1 * K1 + read(view, at));
    let b = rotate(word(x + w0 + a + read(view, at + 24)), 21n);
    let sum = word(a + read(view, at + 8) + read(view, at + 16));
    v0 = word(sum + read(view, at + 24));
    v1 = word(b + rotate(sum, 44n) + a);
    a = word(z + w1 + read(view, at + 32));
    b = rotate(word(y + a + read(view, at + 56)), 21n);
    sum = word(a + read(view, at + 40) + read(view, at + 48));
    w0 = word(sum + read(view, at + 56));
    w1 = word(b + rotate(sum, 44n) + a);
    const previous = z;
    z = x;
    x = previous;
  }
  y = word(y + rotate(w0, 37n) * K0 + z);
  x = word(x + rotate(word(v0 + z), 49n) * K0);
  for (let done = 0; done < length - at;) {
    done += 32;
    const from = length - done;
    y = word(rotate(word(y - x), 42n) * K0 + v1);
    w0 = word(w0 + read(view, from + 16));
    x = word(rotate(x, 49n) * K0 + w0);
    w0 = word(w0 + v0);
    [v0, v1] = weak(view, from, v0, v1);
  }
  x = mix(x, v0);
  y = mix(y, w0);
  return [word(mix(word(x + v1), w1) + y), mix(word(x + w1), word(y + v1))];
}

/** Fewer than 128 bytes. */
function hashShort(view: DataView, seedLow: bigint, seedHigh: bigint): Pair {
  const length = view.byteLength;
  let a = seedLow;
  let b = seedHigh;
  let c: bigint;
  let d: bigint;
  if (length <= 16) {
    a = word(shiftMix(word(a * K1)) * K1);
    c = word(b * K1 + hashTiny(view));
    d = shiftMix(word(a + (length >= 8 ? read(view, 0) : c)));
  } else {
    c = mix(word(read(view, length - 8) + K1), a);
    d = mix(word(b + BigInt(length)), word(c + read(view, length - 16)));
    a = word(a + d);
    for (let at = 0; at < length - 16 || at === 0; at += 16) {
      a = word((a ^ word(shiftMix(word(read(view, at) * K1)) * K1)) * K1);
      b ^= a;
      c = word((c ^ word(shiftMix(word(read(view, at + 8) * K1)) * K1)) * K1);
      d ^= c;
    }
  }
  a = mix(a, c);
  b = mix(d, b);
  return [a ^ b, mix(b, a)];
}

/** 16 bytes or fewer. */
function hashTiny(view: DataView): bigint {
  const length = view.byteLength;
  if (length > 8) {
    const last = read(view, length - 8);
    return mix(read(view, 0), rotate(word(last + BigInt(length)), BigInt(length))) ^ last;
  }
  if (length >= 4) {
    const first = BigInt(view.getUint32(0, true));
    return mix(BigInt(length) + (first << 3n), BigInt(view.getUint32(length - 4, true)));
  }
  if (length > 0) {
    const y = BigInt(view.getUint8(0) + (view.getUint8(length >> 1) << 8));
    const z = BigInt(length + (view.getUint8(length - 1) << 2));
    return word(shiftMix(word(y * K2) ^ word(z * K3)) * K2);
  }
  return K2;
}

function weak(view: DataView, at: number, seedA: bigint, seedB: bigint): Pair {
  const a = word(seedA + read(view, at));
  const last = read(view, at + 24);
  const b = rotate(word(seedB + a + last), 21n);
  const sum = word(a + read(view, at + 8) + read(view, at + 16));
  return [word(sum + last), word(b + rotate(sum, 44n) + a)];
}

/** Two words into one. */
function mix(low: bigint, high: bigint): bigint {
  let a = word((low ^ high) * MULTIPLIER);
  a ^= a >> 47n;
  let b = word((high ^ a) * MULTIPLIER);
  b ^= b >> 47n;
  return word(b * MULTIPLIER);
}

function shiftMix(value: bigint): bigint {
  return value ^ (value >> 47n);
}

function rotate(value: bigint, bits: bigint): bigint {
  return word((value >> bits) | (value << (64n - bits)));
}

function word(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function read(view: DataView, at: number): bigint {
  return view.getBigUint64(at, true);
}

function tail(view: DataView, from: number): DataView {
  return new DataView(view.buffer, view.byteOffset + from, view.byteLength - from);
}
