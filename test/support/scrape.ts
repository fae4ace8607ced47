/** One reading of a processor's /metrics: each component's count equation, from the metrics themselves. */
export interface Flow {
  readonly received: number;
  readonly recovered: number;
  readonly sent: number;
  readonly refused: number;
  readonly dropped: number;
  readonly inFlight: number;
}

const LINE = /^tollgate_component_(\w+?)_items(?:_total)?\{([^}]*)\} (\S+)$/;
const COUNTS: Readonly<Record<string, keyof Flow>> = {
  received: "received",
  recovered: "recovered",
  sent: "sent",
  refused: "refused",
  dropped: "dropped",
  in_flight: "inFlight",
};

/** By component, signal and protocol, as the labels name them. `token`: of people, where there are tenants. */
export async function scrapeFlows(apiUrl: string, token?: string): Promise<ReadonlyMap<string, Flow>> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const text = await (await fetch(`${apiUrl}/metrics`, { headers })).text();
  const flows = new Map<string, Record<keyof Flow, number>>();
  for (const line of text.split("\n")) {
    const [, name = "", labels = "", value] = LINE.exec(line) ?? [];
    const count = COUNTS[name];
    if (count === undefined) continue;
    const key = labels.replace(/,?reason="[^"]*"/, "");
    const flow = flows.get(key) ?? { received: 0, recovered: 0, sent: 0, refused: 0, dropped: 0, inFlight: 0 };
    flow[count] += Number(value);
    flows.set(key, flow);
  }
  return flows;
}

export function imbalanceOf(flow: Flow): number {
  return flow.received + flow.recovered - (flow.sent + flow.refused + flow.dropped + flow.inFlight);
}
