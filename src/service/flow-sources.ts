import type { FlowSource, FlowStats } from "../component/flow.ts";

/** The components of the pipelines, as they are built: each shows up in `/metrics` and `status` by being added here. */
export class FlowSources {
  readonly #sources: FlowSource[] = [];

  /** Returns the component. `name` is its path in tollgate.yaml. */
  add<T extends { stats(): FlowStats }>(
    name: string,
    component: T,
    options: { signal?: FlowSource["signal"] } = {},
  ): T {
    this.#sources.push({ component: name, signal: options.signal ?? "traces", stats: () => component.stats() });
    return component;
  }

  /** Receivers, processors, exporters: the pipeline builds them from its end, people read them from its start. */
  inOrder(): readonly FlowSource[] {
    const rank = ({ component }: FlowSource): number => KINDS.findIndex((kind) => component.startsWith(kind));
    return this.#sources.toReversed().toSorted((a, b) => rank(a) - rank(b));
  }
}

const KINDS = ["receivers.", "processors.", "exporters."];
