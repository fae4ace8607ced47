import { Secret } from "@tollgate/instrumentation/redaction";
import { z } from "zod";

export { Secret } from "@tollgate/instrumentation/redaction";

/** A string in config that becomes a `Secret`. Write it as `${env:NAME}`. */
export const secretSchema = z.string().transform((value) => new Secret(value));
