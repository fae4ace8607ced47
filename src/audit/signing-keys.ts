/**
 * The keys that checkpoints are signed with: Ed25519, made at the first start, in a file that only its owner can read. A new
 * key is endorsed by the one before it, so that who trusts the first public key can follow to the newest. Old private keys are not kept.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { readSealed, SealedFileError, writeSealed } from "../support/sealed-file.ts";

/** A public key as it is published. */
export interface PublicKey {
  /** First 16 hex digits of the SHA-256 of the raw key. */
  readonly id: string;
  /** The raw 32 bytes in base64. */
  readonly public_key: string;
  readonly created_at: string;
  /** The key before it, and its signature over this one (`endorsementText`); "" for the first. */
  readonly endorsed_by: string;
  readonly endorsement: string;
}

interface Stored {
  readonly form: typeof KEYS_FORM;
  /** The newest key's private half, PKCS #8 in PEM. */
  readonly private_key: string;
  /** Oldest first. */
  readonly keys: readonly PublicKey[];
}

const KEYS_FORM = "tollgate-audit-keys-1";
const ENDORSEMENT_FORM = "tollgate-audit-key-1";
/** What precedes the raw key in its SubjectPublicKeyInfo (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const RAW_BYTES = 32;

export class SigningKeyError extends Error {
  override readonly name = "SigningKeyError";
}

export class SigningKeys {
  readonly #file: string;
  readonly #now: () => number;
  #keys: readonly PublicKey[];
  #private: KeyObject;

  /** Reads the file, or makes it with a first key. Throws `SigningKeyError` for one that is damaged: nobody makes a new identity by accident. */
  constructor({ file, now }: { readonly file: string; readonly now: () => number }) {
    this.#file = file;
    this.#now = now;
    const stored = parse(file);
    if (stored !== undefined) {
      this.#keys = stored.keys;
      this.#private = createPrivateKey(stored.private_key);
      return;
    }
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    this.#private = privateKey;
    this.#keys = [publish(publicKey, now())];
    this.#write();
  }

  /** Oldest first. */
  get published(): readonly PublicKey[] {
    return this.#keys;
  }

  get current(): PublicKey {
    const key = this.#keys.at(-1);
    if (key === undefined) throw new SigningKeyError("there is no signing key");
    return key;
  }

  /** Base64. */
  sign(text: string): string {
    return sign(null, Buffer.from(text), this.#private).toString("base64");
  }

  /** Makes a new key, endorsed by the one in use, and forgets that one's private half. */
  rotate(): PublicKey {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const made = publish(publicKey, this.#now());
    const next: PublicKey = {
      ...made,
      endorsed_by: this.current.id,
      endorsement: this.sign(endorsementText({ ...made, endorsed_by: this.current.id })),
    };
    const before = { keys: this.#keys, key: this.#private };
    this.#keys = [...this.#keys, next];
    this.#private = privateKey;
    try {
      this.#write();
    } catch (error) {
      this.#keys = before.keys;
      this.#private = before.key;
      throw error;
    }
    return next;
  }

  #write(): void {
    const stored: Stored = {
      form: KEYS_FORM,
      private_key: this.#private.export({ type: "pkcs8", format: "pem" }).toString(),
      keys: this.#keys,
    };
    writeSealed(this.#file, stored);
  }
}

/** Whether a text has the form of a raw public key in base64. */
export function isPublicKey(text: string): boolean {
  const raw = Buffer.from(text, "base64");
  return raw.length === RAW_BYTES && raw.toString("base64") === text;
}

/** Whether an Ed25519 signature in base64 is `key`'s. */
export function isSigned(
  text: string,
  { signature, key }: { readonly signature: string; readonly key: string },
): boolean {
  const raw = Buffer.from(key, "base64");
  if (raw.length !== RAW_BYTES) return false;
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: "der", type: "spki" });
  return verify(null, Buffer.from(text), publicKey, Buffer.from(signature, "base64"));
}

/** The id of a raw public key in base64. */
export function keyId(key: string): string {
  return createHash("sha256").update(Buffer.from(key, "base64")).digest("hex").slice(0, 16);
}

/** Of `keys`, those that one of `trusted` (raw keys in base64) is, or has endorsed, over any number of keys between; by id. */
export function trustedKeys(keys: readonly PublicKey[], trusted: readonly string[]): ReadonlyMap<string, string> {
  const known = new Map(trusted.map((key) => [keyId(key), key] as const));
  for (const key of keys) {
    const by = known.get(key.endorsed_by);
    if (by === undefined || keyId(key.public_key) !== key.id) continue;
    if (isSigned(endorsementText(key), { signature: key.endorsement, key: by })) known.set(key.id, key.public_key);
  }
  return known;
}

function endorsementText({ id, public_key, created_at, endorsed_by }: Omit<PublicKey, "endorsement">): string {
  return JSON.stringify([ENDORSEMENT_FORM, id, public_key, created_at, endorsed_by]);
}

function publish(key: KeyObject, nowMs: number): PublicKey {
  const raw = key.export({ type: "spki", format: "der" }).subarray(SPKI_PREFIX.length).toString("base64");
  return {
    id: keyId(raw),
    public_key: raw,
    created_at: new Date(nowMs).toISOString(),
    endorsed_by: "",
    endorsement: "",
  };
}

function parse(file: string): Stored | undefined {
  try {
    return readSealed(file) as Stored | undefined;
  } catch (error) {
    if (!(error instanceof SealedFileError)) throw error;
    throw new SigningKeyError(`the keys of the audit log: ${error.message}`, { cause: error });
  }
}
