import { Secret } from "@tollgate/instrumentation/redaction";
import { z } from "zod";

/** A string in config that becomes a `Secret`. Write it as `${env:NAME}`. */
export const secretSchema = z.string().transform((value) => new Secret(value));
