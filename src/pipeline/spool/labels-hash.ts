/**
 * Tells sets of labels apart without making a text of each. In whatever order the labels stand, the hash is the same; it is
 * only where to look, the labels themselves are compared.
 */
import { randomBytes } from "node:crypto";

type Labels = Readonly<Record<string, string>>;

/** Senders choose their labels: without a secret they could choose thousands of one hash, and each would be compared with all. */
const SEED = randomBytes(4).readInt32LE();

/** Labels that stood at the same place last time: most of a set are those of the set before. So many of them, none that is longer. */
const PLACES_MAX = 64;
const LENGTH_MAX = 512;
const lastNames: string[] = Array.from({ length: PLACES_MAX }, () => "");
const lastValues: string[] = Array.from({ length: PLACES_MAX }, () => "");
const lastHashes = new Int32Array(PLACES_MAX).fill(labelHash("", ""));

/** 30 bits, which need no memory of their own. */
export function labelsHash(labels: Labels): number {
  let sum = 0;
  let place = 0;
  // oxlint-disable-next-line guard-for-in -- without a list of the names; labels are plain records, inherited names do no harm in a hash
  for (const name in labels) {
    sum = (sum + hashAt(place, name, labels[name] ?? "")) | 0;
    place += 1;
  }
  return sum & 0x3fff_ffff;
}

function hashAt(place: number, name: string, value: string): number {
  if (place >= PLACES_MAX || name.length + value.length > LENGTH_MAX) return labelHash(name, value);
  if (lastNames[place] === name && lastValues[place] === value) return lastHashes[place] ?? 0;
  lastNames[place] = name;
  lastValues[place] = value;
  return (lastHashes[place] = labelHash(name, value));
}

function labelHash(name: string, value: string): number {
  return textHash(value, textHash(name, SEED));
}

export function isSameLabels(one: Labels, other: Labels): boolean {
  let count = 0;
  for (const name in one) {
    if (!Object.hasOwn(one, name)) continue;
    if (!Object.hasOwn(other, name) || one[name] !== other[name]) return false;
    count += 1;
  }
  return count === Object.keys(other).length;
}

function textHash(text: string, seed: number): number {
  let hash = seed ^ text.length;
  const { length } = text;
  for (let index = 0; index < length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return Math.imul(hash ^ (hash >>> 13), 0x85ebca6b);
}
