import { context, SpanStatusCode } from "@opentelemetry/api";
import { whoAttributes } from "../gate/call-span.ts";
import type { Gate } from "../gate/gate.ts";
import * as semconv from "../semconv.ts";
import { describeLibrary } from "./probe.ts";
import type { LoadedLibrary } from "./probe.ts";

/** The span of a copy that is not gated. */
export function tellUnpatched(gate: Gate, library: LoadedLibrary): void {
  const name = describeLibrary(library);
  const attributes = {
    ...whoAttributes(gate.who()),
    [semconv.ATTR_TOLLGATE_PROBE_UNPATCHED]: name,
    ...(library.location === "" ? {} : { [semconv.ATTR_TOLLGATE_PROBE_LOCATION]: library.location }),
  };
  const span = gate.tracer.startSpan(`ungated ${library.name}`, { attributes }, context.active());
  span.setStatus({ code: SpanStatusCode.ERROR, message: `${name} is loaded and not gated` });
  span.end();
}
