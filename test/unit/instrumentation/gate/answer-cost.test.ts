import { expect, it } from "vitest";
import { noLessThanTold } from "../../../../instrumentation/src/gate/answer-cost.ts";
import { NO_USAGE } from "../../../../instrumentation/src/gate/call-bound.ts";
import { nanoUsd } from "../../../../instrumentation/src/pricing/money.ts";

it.each([
  ["nothing", undefined, { nanoUsd: 10n, status: "exact" }],
  ["the same", 10n, { nanoUsd: 10n, status: "exact" }],
  ["less: neither is certain", 4n, { nanoUsd: 10n, status: "estimated" }],
  ["more, which no count shows", 25n, { nanoUsd: 25n, status: "estimated", isTold: true }],
])("costs no less than the provider says, which says %s", (_what, told, expected) => {
  const cost = { nanoUsd: 10n, status: "exact", usage: NO_USAGE } as const;
  expect(noLessThanTold(cost, told === undefined ? undefined : nanoUsd(told))).toEqual({
    ...expected,
    usage: NO_USAGE,
  });
});
