/**
 * What real packages ask of a provider that stops work, asks after it or only describes it. Nothing of that costs anything, so it goes though
 * the budget is used up, and leaves no span: an agent that may spend no more must still be able to hang up.
 */
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import type { GenerateVideosOperation } from "@google/genai";
import { CohereClientV2 } from "cohere-ai";
import OpenAI from "openai";
import { expect, it } from "vitest";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const wire = useGatedWire(() => ({ json: {} }));

function start(provider: string): string {
  const { url } = wire.provider;
  wire.start({ transport: new MemoryLedger(0n), env: { TOLLGATE_PROVIDERS: `${provider}=${url}` } });
  return url;
}

interface Trace {
  readonly requests: number;
  readonly spans: number;
}

async function traceOf(work: Promise<unknown>): Promise<Trace> {
  await work;
  return { requests: wire.provider.requests.length, spans: wire.gated.spans().length };
}

const FREE: Trace = { requests: 1, spans: 0 };

const OPENAI: readonly (readonly [what: string, work: (client: OpenAI) => Promise<unknown>])[] = [
  ["a call by SIP that is ended", ({ realtime }) => realtime.calls.hangup("rtc_1")],
  ["one that is not taken", ({ realtime }) => realtime.calls.reject("rtc_1", {})],
  ["one that goes to somebody else", ({ realtime }) => realtime.calls.refer("rtc_1", { target_uri: "tel:+1" })],
  ["a live session that is ended", ({ live }) => live.sessions.hangup("live_1")],
  ["a stored completion's notes", ({ chat }) => chat.completions.update("chatcmpl-1", { metadata: { a: "b" } })],
  ["a fine-tuning that waits", ({ fineTuning }) => fineTuning.jobs.pause("ftjob-1")],
  [
    "a grader that is looked at",
    ({ fineTuning }) =>
      fineTuning.alpha.graders.validate({
        grader: { type: "string_check", name: "g", operation: "eq", input: "a", reference: "a" },
      }),
  ],
  ["an automation that rests", ({ beta }) => beta.agents.automations.pause("auto_1")],
  ["somebody's consent", ({ audio }) => audio.voiceConsents.update("consent_1", { name: "n" })],
  ["a role", ({ admin }) => admin.organization.projects.roles.create("proj_1", { permissions: [], role_name: "r" })],
];

it.each(OPENAI)("openai: %s", async (_what, work) => {
  const baseURL = `${start("openai")}/v1`;
  expect(await traceOf(work(new OpenAI({ apiKey: "test", adminAPIKey: "test", baseURL, maxRetries: 0 })))).toEqual(
    FREE,
  );
});

const ANTHROPIC: readonly (readonly [what: string, work: (client: Anthropic) => Promise<unknown>])[] = [
  ["a session that is put away", ({ beta }) => beta.sessions.archive("sesn_1")],
  ["a session's budget", ({ beta }) => beta.sessions.update("sesn_1", { budget: null })],
  ["a session's files", ({ beta }) => beta.sessions.resources.update("r_1", { session_id: "sesn_1" } as never)],
  ["a thread that is put away", ({ beta }) => beta.sessions.threads.archive("t_1", { session_id: "sesn_1" })],
  ["a deployment that rests", ({ beta }) => beta.deployments.pause("depl_1")],
  ["one that is put away", ({ beta }) => beta.deployments.archive("depl_1")],
  ["a dream that is put away", ({ beta }) => beta.dreams.archive("dream_1")],
];

it.each(ANTHROPIC)("@anthropic-ai/sdk: %s", async (_what, work) => {
  const baseURL = start("anthropic");
  expect(await traceOf(work(new Anthropic({ apiKey: "test", baseURL, maxRetries: 0 })))).toEqual(FREE);
});

const AUTH = { getRequestHeaders: async () => new Headers({ authorization: "Bearer test" }) } as never;

const GEMINI: readonly (readonly [what: string, work: (client: GoogleGenAI) => Promise<unknown>])[] = [
  ["a batch that is cancelled", ({ batches }) => batches.cancel({ name: "batches/b1" })],
  ["a store without files", ({ fileSearchStores }) => fileSearchStores.create({})],
  ["files that are elsewhere", ({ files }) => files.registerFiles({ uris: ["gs://b/f"], auth: AUTH })],
];

it.each(GEMINI)("@google/genai: %s", async (_what, work) => {
  const baseUrl = start("gcp.gemini");
  expect(await traceOf(work(new GoogleGenAI({ apiKey: "test", httpOptions: { baseUrl } })))).toEqual(FREE);
});

it("@google/genai: asking Vertex AI for a film that is being made", async () => {
  const baseUrl = start("gcp.vertex_ai");
  const googleAuthOptions = { authClient: AUTH };
  const place = { vertexai: true, project: "p", location: "l", googleAuthOptions };
  const client = new GoogleGenAI({ ...place, httpOptions: { baseUrl } });
  const name = "projects/p/locations/l/publishers/google/models/veo-3.0-generate-001/operations/o1";
  const operation = { name, _fromAPIResponse: () => ({}) } as unknown as GenerateVideosOperation;
  expect(await traceOf(client.operations.getVideosOperation({ operation }))).toEqual(FREE);
});

it("cohere-ai: a batch that is cancelled", async () => {
  const environment = start("cohere");
  expect(await traceOf(new CohereClientV2({ token: "test", environment }).batches.cancel("b1"))).toEqual(FREE);
});
