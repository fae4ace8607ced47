import type { ZodType } from "zod";

/**
 * How the service makes a component from its part of tollgate.yaml. `type` is its key there. `config` is strict: every
 * key has its default in it, unknown keys are refused. `create` does no I/O; `start` does.
 */
export interface Factory<Config, Dependencies, Made> {
  readonly type: string;
  readonly config: ZodType<Config>;
  create(config: Config, dependencies: Dependencies): Made;
}
