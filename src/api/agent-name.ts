import { AGENT_NAME_LENGTH_MAX, AGENT_NAME_SHAPE } from "@tollgate/instrumentation/protocol";
import { z } from "zod";

/** An agent's name, at every door. */
export const agentName = z
  .string()
  .min(1)
  .max(AGENT_NAME_LENGTH_MAX)
  .regex(AGENT_NAME_SHAPE, { error: "an agent's name has no control characters" });
