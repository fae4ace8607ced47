/** One suite for both stores: the local journal, and three replicas over one real redis-server. */
import { afterAll, beforeAll, describe } from "vitest";
import { RedisServer } from "../../support/redis-server.ts";
import { describeLedger } from "./suite/ledger-suite.ts";
import { describeRandomFleet } from "./suite/random-fleet.ts";
import { openLocalStage, openValkeyStage } from "./suite/stages.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.remove());

describe("the local store", () => {
  describeLedger(openLocalStage);
  describeRandomFleet(openLocalStage);
});

describe("three replicas over one store", () => {
  describeLedger((budgets) => openValkeyStage(server, budgets));
  describeRandomFleet((budgets) => openValkeyStage(server, budgets));
});
