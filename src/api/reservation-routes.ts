import { housePrices } from "../policy/house-prices.ts";
import { idempotencyKeyOf } from "./idempotency-key.ts";
import {
  commitReply,
  commitRequest,
  createReply,
  createRequest,
  extendReply,
  extendRequest,
  releaseReply,
  releaseRequest,
  reservationPath,
} from "./reservation-schemas.ts";
import { Reservations, type ReservationsOptions } from "./reservations.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

const EXAMPLE_ID = "0f3c9a51d2b7e46801aa93be77d40c52";

/** `/v1/reservations`: for agents in any language. What each answers: docs/reservations.md. */
export function reservationRoutes(options: Omit<ReservationsOptions, "prices">): readonly AnyRoute[] {
  const reservations = new Reservations({ ...options, prices: housePrices(options.registry) });
  return [create(reservations), commit(reservations), release(reservations), extend(reservations)];
}

function create(reservations: Reservations): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/reservations",
    summary: "Set money aside for one call",
    isFrequent: true,
    access: "agent",
    body: createRequest,
    query: NOTHING,
    params: NOTHING,
    reply: createReply,
    status: 201,
    isKeyed: true,
    example: {
      body: { agent: "checkout", labels: { session: "s-17" }, model: "gpt-4o", tokens: { input: 1200, output: 500 } },
      reply: {
        id: EXAMPLE_ID,
        decision: "allow",
        granted_usd: "0.008000000",
        expires_in_ms: 30_000,
        budgets: ["checkout-per-day"],
      },
    },
    problems: [
      "estimate_incomplete",
      "price_unknown",
      "budget_exceeded",
      "forbidden",
      "agent_killed",
      "agent_paused",
      "approval_required",
      "reservation_ended",
      "idempotency_key_reused",
      "ledger_unavailable",
    ],
    handle: ({ body, caller, headers }) =>
      reservations.create(body, { caller, key: idempotencyKeyOf(headers["idempotency-key"]) }),
  });
}

function commit(reservations: Reservations): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/reservations/:id/commit",
    summary: "Say what the call cost; the rest goes back",
    isFrequent: true,
    access: "agent",
    body: commitRequest,
    query: NOTHING,
    params: reservationPath,
    reply: commitReply,
    example: {
      body: { usage: { model: "gpt-4o", input_tokens: 1180, output_tokens: 212 } },
      reply: {
        id: EXAMPLE_ID,
        outcome: "committed",
        settled_usd: "0.005070000",
        released_usd: "0.002930000",
        overrun: false,
        price_version: "genai-prices@0.1.8",
      },
    },
    problems: ["price_unknown", "reservation_unknown", "ledger_unavailable"],
    handle: ({ body, params, caller }) => reservations.commit(params.id, body, caller),
  });
}

function release(reservations: Reservations): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/reservations/:id/release",
    summary: "The call was not made: all goes back",
    access: "agent",
    body: releaseRequest,
    query: NOTHING,
    params: reservationPath,
    reply: releaseReply,
    example: { body: {}, reply: { id: EXAMPLE_ID, outcome: "released", settled_usd: "0.000000000" } },
    problems: ["reservation_unknown", "ledger_unavailable"],
    handle: async ({ params, caller }) => reservations.release(params.id, caller),
  });
}

function extend(reservations: Reservations): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/reservations/:id/extend",
    summary: "The call takes longer: another term",
    access: "agent",
    body: extendRequest,
    query: NOTHING,
    params: reservationPath,
    reply: extendReply,
    example: { body: {}, reply: { id: EXAMPLE_ID, granted_usd: "0.008000000", expires_in_ms: 30_000 } },
    problems: ["reservation_unknown", "reservation_ended", "ledger_unavailable"],
    handle: async ({ params, caller }) => reservations.extend(params.id, caller),
  });
}
