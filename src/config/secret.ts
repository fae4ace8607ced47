import { Secret } from "@tollgate/instrumentation/redaction";
import { z } from "zod";

/** A string in config that becomes a `Secret`. Write it as `${env:NAME}`. */
export const secretSchema = z.string().transform((value) => new Secret(value));

/** One that opens a door here: an empty one (an environment variable that is not set) would open it to everybody. */
export const keySchema = secretSchema.refine((secret) => secret.reveal() !== "", {
  error: "expected at least one character",
});
