/** One suite for both stores: the local journal, and three replicas over one real redis-server. */
import { afterAll, beforeAll, describe } from "vitest";
import { RedisServer } from "../../support/redis-server.ts";
import { describeLedger } from "./suite/ledger-suite.ts";
import { describeRandomFleet } from "./suite/random-fleet.ts";
import { openLocalStage, openValkeyStage } from "./suite/stages.ts";

const missing = RedisServer.missing();
if (missing !== undefined) console.warn(missing);

describe("the local store", () => {
  describeLedger(openLocalStage);
  describeRandomFleet(openLocalStage);
});

describe.skipIf(missing !== undefined)("three replicas over one store", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.remove());
  describeLedger((budgets) => openValkeyStage(server, budgets));
  describeRandomFleet((budgets) => openValkeyStage(server, budgets));
});
