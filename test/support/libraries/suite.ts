/**
 * Goal: every library keeps the same promises. The app sees of it what the bare library gives; what is charged equals what the
 * provider billed, or says `estimated` and is not below it; nothing stays reserved. Method: each case runs bare, then gated,
 * through the real package against the provider simulator, which keeps books of its own. Each library runs each case for which
 * `matrix.ts` names nothing else.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AgentKilled, BudgetExceeded, findTollgateError } from "../../../instrumentation/src/errors.ts";
import { TOOL, type Ask, type ClientOptions, type Library, type LibraryClient } from "./library.ts";
import { useWireHooks } from "../wire-hooks.ts";
import { CASES, INSTEAD, type Case } from "./matrix.ts";
import { readToEnd, seenBy } from "./seen.ts";
import { Stage, type Work } from "./stage.ts";

export function holdToThePromises(libraries: readonly Library[]): void {
  const stage = new Stage();
  beforeAll(() => stage.open(libraries));
  afterAll(() => stage.close());
  useWireHooks();
  beforeEach(() => stage.reset());
  afterEach(() => stage.leave());
  describe.each(libraries)("$name", (library) => {
    beforeEach(() => stage.play(library));
    for (const name of CASES) if (INSTEAD[library.name]?.[name] === undefined) HELD[name](stage, library);
  });
}

const KNOWN = /^(?:exact|estimated)$/;

const AGENT_TURNS_MAX = 10;

const ask =
  (more: Partial<Ask> = {}): Work =>
  (client) =>
    client.ask({ prompt: "say hello", maxTokens: 200, ...more });

const stream =
  (more: Partial<Ask> = {}): Work =>
  async (client) =>
    readToEnd(await open(client, { prompt: "say hello", maxTokens: 200, ...more }));

/** A test of streams, for those that have some. */
function streamed(stage: Stage, library: Library): (name: string, test: () => Promise<void>) => void {
  return stage.hasStreams(library) ? it : () => {};
}

/** A test of chat completions. */
function chunked({ hasChunks = false }: Library): (name: string, test: () => Promise<void>) => void {
  return hasChunks ? it : () => {};
}

/** Slow enough to be left in its middle. */
function paced({ hasChunks = false }: Library): readonly string[] {
  return hasChunks ? ["pace=10", "pace=10, usage_each"] : ["pace=10"];
}

/** A stream; of an API that has none the answer, as one that has a single event. */
async function open(client: LibraryClient, request: Ask): Promise<AsyncIterable<unknown>> {
  if (client.stream !== undefined) return client.stream(request);
  const answer = await client.ask(request);
  return (async function* () {
    yield answer;
  })();
}

const HELD: Readonly<Record<Case, (stage: Stage, library: Library) => void>> = {
  answer(stage, library) {
    it("gives the bare library's answer and charges what was billed", async () => {
      expect(await onBoth({ stage, library, client: {} }, ask())).toBe(told(library));
      expect(stage.spans[0]?.name).toBe(`${library.operation} ${library.model}`);
      expect(stage.spans[0]?.attributes["gen_ai.provider.name"]).toBe(library.provider);
    });

    it("charges what was billed where the bound cuts the answer short, or the app has set none", async () => {
      expect(await onBoth({ stage, library, client: {} }, ask({ maxTokens: 17 }))).toBe(told(library));
      await stage.leave();
      stage.reset();
      expect(await onBoth({ stage, library, client: {} }, (client) => client.ask({ prompt: "unbounded" }))).toBe(
        told(library),
      );
    });

    it.each(["malformed", "wrong_type", "huge", "no_usage", "cut=0", "latency=20"])(
      "gives the bare library's view of an answer with the fault %s",
      async (fault) =>
        expect(await onBoth({ stage, library, client: { fault, retries: false } }, ask(), spansOf(library))).toMatch(
          KNOWN,
        ),
    );
  },

  stream(stage, library) {
    it("gives the bare library's stream and charges what was billed", async () => {
      expect(await onBoth({ stage, library, client: {} }, stream())).toBe("exact");
    });

    it.each(["malformed", "wrong_type", "huge", "no_usage", "cut=3", "latency=20"])(
      "gives the bare library's view of a stream with the fault %s",
      async (fault) =>
        expect(await onBoth({ stage, library, client: { fault, retries: false } }, stream())).toMatch(KNOWN),
    );

    chunked(library)("charges what was billed where a server tells the usage beside the choices", async () => {
      for (const fault of ["usage_beside", "usage_each"]) {
        expect(await onBoth({ stage, library, client: { fault } }, stream({ prompt: fault }))).toBe("exact");
        await stage.leave();
        stage.reset();
      }
    });

    chunked(library)("takes the usage so far for no count of a stream that breaks", async () => {
      const client = { fault: "usage_each, cut=3", retries: false };
      expect(await onBoth({ stage, library, client }, stream())).toBe("estimated");
    });

    it("charges no less than was billed for a stream that the app leaves", async () => {
      const leave: Work = async (client) => {
        let seen = 0;
        for await (const event of await open(client, { prompt: "long", maxTokens: 200 })) {
          void event;
          if (++seen === inMiddle(library)) return;
        }
      };
      for (const fault of paced(library)) {
        const { billed } = await stage.billedFor(() => leave(stage.clientOf(library, { fault })));
        expect(billed).toBeGreaterThan(0n);
        expect(stage.ledger.settled).toBeGreaterThanOrEqual(billed);
        expect(stage.ledger.outstanding).toBe(0n);
        stage.reset();
      }
    });
  },

  forms(stage, library) {
    it("gives what the bare library gives in its other forms, and charges each once", async () => {
      const names = Object.keys(stage.clientOf(library).forms ?? {});
      expect(names).not.toEqual([]);
      for (const name of names) {
        const form: Work = async ({ forms }) => forms?.[name]?.({ prompt: `as ${name}`, maxTokens: 60 });
        expect([name, await onBoth({ stage, library, client: {} }, form)]).toEqual([
          name,
          expect.stringMatching(KNOWN),
        ]);
        await stage.leave();
        stage.reset();
      }
    });
  },

  tools(stage, library) {
    it.each([
      ["an answer", ask({ hasTool: true })],
      ["a stream", stream({ hasTool: true })],
    ])("passes the tool calls of %s on, and names them on its span", async (_form, work) => {
      expect(await onBoth({ stage, library, client: {} }, work)).toBe("exact");
      const { attributes } = stage.spans[0] ?? {};
      expect(attributes?.["tollgate.proposed.tools"]).toEqual([TOOL.function.name]);
      expect(attributes?.["tollgate.proposed.arguments_digests"]).toEqual([expect.stringMatching(/./)]);
    });
  },

  abort(stage, library) {
    it("charges nothing for what the app aborts before it is sent", async () => {
      const aborted = ask({ signal: AbortSignal.abort() });
      expect(await onBoth({ stage, library, client: { retries: false } }, aborted, [0, 1])).toBe("exact");
      expect(stage.ledger.settled > 0n).toBe(library.sendsAborted === true);
    });

    it("charges no less than was billed for what the app aborts while the provider works on it", async () => {
      const aborted: Work = async (client) => {
        const leaving = new AbortController();
        const end = client.ask({ prompt: "given up", maxTokens: 90, signal: leaving.signal });
        void end.catch(() => {});
        await stage.untilInFlight();
        leaving.abort();
        return end;
      };
      expect(await onBoth({ stage, library, client: { fault: "latency=300", retries: false } }, aborted)).toMatch(
        KNOWN,
      );
    });

    streamed(stage, library)(
      "charges no less than was billed for a stream that the app aborts in its middle",
      async () => {
        const aborted: Work = async (client) => {
          const leaving = new AbortController();
          const { signal } = leaving;
          let seen = 0;
          for await (const event of await open(client, { prompt: "given up", maxTokens: 200, signal })) {
            void event;
            if (++seen === inMiddle(library)) leaving.abort();
          }
        };
        for (const fault of paced(library)) {
          expect(await onBoth({ stage, library, client: { fault, retries: false } }, aborted)).toMatch(KNOWN);
          await stage.leave();
          stage.reset();
        }
      },
    );
  },

  retry(stage, library) {
    // Most do not wait where the provider says that they need not.
    const fault = "rate_limit_once=0";
    const spans = [library.spansOfRetry ?? 1];
    it("charges a stream, and an answer, once over the library's own retries", async () => {
      const streamed = await onBoth({ stage, library, client: { fault } }, stream({ prompt: "twice" }), spans);
      expect(streamed).toBe(stage.hasStreams(library) ? "exact" : told(library));
      expect(stage.requests).toBe(2);
      stage.reset();
      const { billed } = await stage.billedFor(() => ask({ prompt: "twice" })(stage.clientOf(library, { fault })));
      expect(stage.requests).toBe(2);
      holdCharge(stage, library, billed);
    });

    it("charges an answer once that comes after an error of the provider's", async () => {
      const client = { fault: "server_error_once=0" };
      expect(await onBoth({ stage, library, client }, ask({ prompt: "once more" }), spans)).toBe(told(library));
      expect(stage.requests).toBe(2);
    });
  },

  error(stage, library) {
    it.each(["rate_limit", "server_error"])("charges nothing for a %s, in the library's own error", async (fault) => {
      expect(await onBoth({ stage, library, client: { fault, retries: false } }, ask())).toBe("exact");
      expect(stage.ledger.settled).toBe(0n);
      await stage.leave();
      expect(await onBoth({ stage, library, client: { fault, retries: false } }, stream())).toBe("exact");
      expect(stage.ledger.settled).toBe(0n);
    });
  },

  budget(stage, library) {
    it("holds a budget to the nano-dollar that ends in the middle of 64 callers", async () => {
      const { billed: one } = await stage.billedFor(() => ask()(stage.clientOf(library)));
      // What takes no bound reserves more than it costs.
      const [reserved = 0n] = stage.spans.map((span) => BigInt(Number(span.attributes["tollgate.reserved.nano_usd"])));
      stage.reset(one * 60n > reserved ? one * 60n : reserved + one * 20n);
      const client = stage.clientOf(library);
      const caller = async (id: number): Promise<unknown> => {
        for (let index = 0; ; index += 1) {
          const request = { prompt: `caller ${id}, call ${index}`, maxTokens: 100 };
          try {
            if (id % 2 === 0) await client.ask(request);
            else await readToEnd(await open(client, request));
          } catch (error) {
            return error;
          }
        }
      };
      const all = () => Promise.all(Array.from({ length: 64 }, (_, id) => caller(id)));
      const { seen, billed } = await stage.billedFor(all);
      expect((seen as readonly unknown[]).filter((end) => !isTyped(library, end, BudgetExceeded))).toEqual([]);
      holdCharge(stage, library, billed);
      expect(billed).toBeGreaterThan(0n);
      expect(stage.ledger.outstanding).toBe(0n);
      expect(billed).toBeLessThanOrEqual(stage.ledger.limit);
      // What is refused is not asked for again.
      expect(stage.spans.filter(({ attributes }) => attributes["tollgate.decision"] === "deny")).toHaveLength(64);
    });
  },

  kill(stage, library) {
    streamed(stage, library)(
      "ends a stream with the kill's own error when somebody stops its agent in its middle, and charges what was billed",
      async () => {
        const before = stage.paid();
        const { gate } = stage.startGate();
        const client = stage.clientOf(library, { fault: "pace=10", retries: false });
        const work = (async () => {
          for await (const event of await open(client, { prompt: "killed", maxTokens: 200 })) {
            void event;
            for (const call of gate.open) call.stop(new AgentKilled({ agent: "a", reason: "enough" }));
          }
        })();
        await expect(work).rejects.toSatisfy((error) => findTollgateError(error)?.code === "agent_killed");
        await stage.idle();
        await stage.leave();
        expect(stage.paid() - before).toBeGreaterThan(0n);
        expect(stage.ledger.settled).toBeGreaterThanOrEqual(stage.paid() - before);
        expect(stage.ledger.outstanding).toBe(0n);
        expect(stage.spans[0]?.attributes["error.type"]).toBe("agent_killed");
      },
    );

    it("gives a call up with the kill's own error while the provider works on it, and charges what that may bill", async () => {
      const before = stage.paid();
      const { gate } = stage.startGate();
      const client = stage.clientOf(library, { fault: "latency=300", retries: false });
      const end = client.ask({ prompt: "slow", maxTokens: 90 }).catch((error: unknown) => error);
      await stage.untilInFlight();
      for (const call of gate.open) call.stop(new AgentKilled({ agent: "a", reason: "enough" }));
      expect(await end).toSatisfy((error) => isTyped(library, error, AgentKilled));
      await stage.idle();
      await stage.leave();
      expect(stage.ledger.settled).toBeGreaterThanOrEqual(stage.paid() - before);
      expect(stage.ledger.settled).toBeGreaterThan(0n);
      expect(stage.ledger.outstanding).toBe(0n);
    });
  },
};

interface Setting {
  readonly stage: Stage;
  readonly library: Library;
  readonly client: ClientOptions;
}

/**
 * Runs the work bare and gated, and holds what the app saw and what was charged against what it should be. `wanted`: how many spans there
 * may be. The answer is how the cost is known: `exact` when it is of every span.
 */
async function onBoth(
  { stage, library, client }: Setting,
  work: Work,
  wanted: readonly number[] = [1],
): Promise<string> {
  const run = () => seenBy(() => work(stage.clientOf(library, client)));
  const bare = await run();
  await stage.idle();
  const { seen, billed } = await stage.billedFor(run);
  expect(seen).toEqual(bare);
  const { settled, outstanding } = stage.ledger;
  expect(outstanding).toBe(0n);
  const said = stage.spans.map(({ attributes }) => attributes);
  expect(wanted).toContain(said.length);
  const statuses = said.map((span) => String(span["tollgate.cost.status"]));
  const status = statuses.find((each) => each !== "exact") ?? "exact";
  const isCovered = status === "exact" ? settled === billed : settled >= billed;
  expect({ status, settled, billed, isCovered }).toMatchObject({ isCovered: true });
  expect(said.reduce((sum, span) => sum + BigInt(Number(span["tollgate.cost.nano_usd"])), 0n)).toBe(settled);
  return status;
}

/** How the cost of an answer is known. */
function told({ hidesUsage = false }: Library): "exact" | "estimated" {
  return hidesUsage ? "estimated" : "exact";
}

function holdCharge({ ledger }: Stage, { hidesUsage = false }: Library, billed: bigint): void {
  const { settled } = ledger;
  expect({ settled, billed, isCovered: hidesUsage ? settled >= billed : settled === billed }).toMatchObject({
    isCovered: true,
  });
}

/** Frameworks tell of a run before the first word of the model. */
function inMiddle({ isFramework = false }: Library): number {
  return isFramework ? 6 : 1;
}

/** What a framework can't read, its agent may ask for once more. */
function spansOf({ isFramework = false }: Library): readonly number[] {
  return isFramework ? Array.from({ length: AGENT_TURNS_MAX }, (_, index) => index + 1) : [1];
}

/** The typed error itself, from an SDK; a framework may have wrapped it. */
function isTyped(library: Library, error: unknown, type: typeof BudgetExceeded | typeof AgentKilled): boolean {
  return (library.isFramework === true ? findTollgateError(error) : error) instanceof type;
}
