/**
 * What a component wants people to know, without knowing who listens: one notice is one named event, which the service
 * turns into a log line and its metrics. Fields never hold prompts, tool contents or secrets.
 */
export interface Notice {
  readonly level: "info" | "warn" | "error";
  /** Stable, snake_case: `block_set_aside`. */
  readonly event: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

export type Notify = (notice: Notice) => void;

/** For components that nobody listens to. */
export const SILENT: Notify = () => {};
