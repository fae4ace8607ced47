import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { signature, SIGNATURE_HEADER } from "../../../src/approvals/webhook-signature.ts";
import { PERSON, rig, type Rig } from "./rig.ts";

const SECRET = "a-secret-of-the-webhook";
const APPROVERS = { U1: "alice" };
/** As Teams shows it once, when an outgoing webhook is made. */
const TEAMS_TOKEN = Buffer.alloc(32, "the security token of Teams").toString("base64");

function answering(): Rig {
  return rig({
    answeringWebhooks: [
      { name: "ours", format: "generic", secret: SECRET, approvers: APPROVERS },
      { name: "slack", format: "slack", secret: SECRET, approvers: APPROVERS },
      { name: "teams", format: "teams", secret: TEAMS_TOKEN, approvers: { "0b7d-entra": "bob" } },
      {
        name: "no-token",
        format: "teams",
        secret: "пароль, ¡no es base64!".repeat(3),
        approvers: { "0b7d-entra": "bob" },
      },
    ],
  });
}

interface Asked {
  readonly id: string;
  readonly arguments_digest: string;
}

async function ask({ api }: Rig): Promise<Asked> {
  const payload = {
    agent: "editor",
    tool: "write_file",
    arguments: { path: "a.txt" },
    policy: "files",
    policy_version: "1",
    rule: "r",
    reason: "",
  };
  return (await api.app.inject({ method: "POST", url: "/v1/approvals", payload })).json();
}

interface Message {
  readonly body: string;
  readonly headers: Record<string, string>;
}

function signed(world: Rig, answer: object, { secret = SECRET, ageSeconds = 0 } = {}): Message {
  const body = JSON.stringify(answer);
  const unixSeconds = Math.floor(world.clock.now() / 1_000) - ageSeconds;
  return {
    body,
    headers: { "content-type": "application/json", [SIGNATURE_HEADER]: signature({ secret, unixSeconds, body }) },
  };
}

async function send(
  world: Rig,
  { body, headers }: Message,
  name = "ours",
): Promise<{ status: number; code: string; state: string }> {
  const url = `/v1/approvals/webhooks/${name}`;
  const reply = await world.api.app.inject({ method: "POST", url, payload: body, headers });
  return { status: reply.statusCode, ...reply.json<{ code: string; state: string }>() };
}

const approve = ({ id, arguments_digest }: Asked, more: object = {}): object => ({
  id,
  answer: "approve",
  by: "U1",
  arguments_digest,
  ...more,
});

it("takes a signed answer once, and writes it down under the name that config has for the sender's id", async () => {
  const world = answering();
  const message = signed(world, approve(await ask(world)));
  expect(await send(world, message)).toMatchObject({ status: 200, state: "approved" });
  expect(await send(world, message)).toMatchObject({ status: 409, code: "webhook_replayed" });
  expect(world.recorded).toMatchObject([
    { author: "alice", action: "approval.approve", after: { via: "webhook ours" } },
  ]);
});

it("refuses what is unsigned, signed with another secret, changed on the way, old, from the future or to another webhook", async () => {
  const world = answering();
  const answer = approve(await ask(world));
  const good = signed(world, answer);
  const json = { "content-type": "application/json" };
  const messages: readonly (readonly [string, Message, string?])[] = [
    ["unsigned", { ...good, headers: json }],
    ["another secret", signed(world, answer, { secret: "another-secret-than-that" })],
    ["changed", { ...good, body: good.body.replace("approve", "approve ") }],
    ["old", signed(world, answer, { ageSeconds: 301 })],
    ["from the future", signed(world, answer, { ageSeconds: -302 })],
    ["unknown", good, "none"],
    ["slack", good, "slack"],
  ];
  for (const [what, message, name] of messages) {
    expect(await send(world, message, name), what).toMatchObject({ status: 401 });
  }
  expect(world.recorded).toEqual([]);
});

it("refuses people that config does not name, also under names that every object has", async () => {
  const world = answering();
  const asked = await ask(world);
  for (const by of ["U2", "constructor", "__proto__", "alice"]) {
    expect(await send(world, signed(world, approve(asked, { by }))), by).toMatchObject({ status: 403 });
  }
});

it("refuses an answer to arguments that were edited since", async () => {
  const world = rig({
    answeringWebhooks: [{ name: "ours", format: "generic", secret: SECRET, approvers: APPROVERS }],
    termsOf: () => ({ quorum: 2, expireAfterMs: 60_000, useWithinMs: 30_000, barred: [] }),
  });
  const asked = await ask(world);
  const payload = { arguments: { path: "/etc/shadow" } };
  const url = `/v1/approvals/${asked.id}/approve`;
  await world.api.app.inject({ method: "POST", url, payload, headers: PERSON });
  expect(await send(world, signed(world, approve(asked)))).toMatchObject({ code: "approval_other_act" });
});

it("takes a button of Slack by Slack's own signature", async () => {
  const world = answering();
  const { id, arguments_digest: digest } = await ask(world);
  const payload = {
    type: "block_actions",
    user: { id: "U1" },
    actions: [{ action_id: "tollgate_deny", value: `${id} ${digest}` }],
  };
  const body = `payload=${encodeURIComponent(JSON.stringify(payload))}`;
  const time = String(Math.floor(world.clock.now() / 1_000));
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    "x-slack-request-timestamp": time,
    "x-slack-signature": `v0=${createHmac("sha256", SECRET).update(`v0:${time}:${body}`).digest("hex")}`,
  };
  expect(await send(world, { body, headers }, "slack")).toMatchObject({ status: 200, state: "denied" });
});

/** As an outgoing webhook of Teams sends it. */
function fromTeams(world: Rig, text: string, { token = TEAMS_TOKEN, ageMs = 0, by = "0b7d-entra" } = {}): Message {
  const body = JSON.stringify({
    type: "message",
    id: "1763748000000",
    timestamp: new Date(world.clock.now() - ageMs).toISOString(),
    from: { id: "29:1abc", name: "Bob", aadObjectId: by },
    text,
    textFormat: "plain",
  });
  const mac = createHmac("sha256", Buffer.from(token, "base64")).update(body).digest("base64");
  return { body, headers: { "content-type": "application/json; charset=utf-8", authorization: `HMAC ${mac}` } };
}

it("takes a message to an outgoing webhook of Teams by its own signature, once, and says what came of it", async () => {
  const world = answering();
  const { id, arguments_digest: digest } = await ask(world);
  const message = fromTeams(world, `<at>Tollgate</at>&nbsp;Approve ${id} ${digest}\nlooks fine`);
  expect(await send(world, message, "teams")).toEqual({
    status: 200,
    id,
    state: "approved",
    type: "message",
    text: `${id} is approved`,
  });
  expect(await send(world, message, "teams")).toMatchObject({ status: 409, code: "webhook_replayed" });
  expect(world.recorded).toMatchObject([
    { author: "bob", action: "approval.approve", after: { via: "webhook teams", comment: "looks fine" } },
  ]);
});

it("refuses a message of Teams with another token, of another time, by somebody else, for other arguments or of another form", async () => {
  const world = answering();
  const { id, arguments_digest: digest } = await ask(world);
  const good = `<at>Tollgate</at> approve ${id} ${digest}`;
  const stranger = Buffer.from("another token").toString("base64");
  const cases: readonly (readonly [string, Message, number])[] = [
    ["another token", fromTeams(world, good, { token: stranger }), 401],
    ["old", fromTeams(world, good, { ageMs: 301_000 }), 401],
    ["from the future", fromTeams(world, good, { ageMs: -301_000 }), 401],
    ["changed", { ...fromTeams(world, good), body: fromTeams(world, good).body.replace("approve", "approve ") }, 401],
    ["unsigned", { ...fromTeams(world, good), headers: { "content-type": "application/json" } }, 401],
    ["somebody else", fromTeams(world, good, { by: "1c8e-entra" }), 403],
    ["other arguments", fromTeams(world, good.replace(digest, "0".repeat(64))), 409],
    ["no digest", fromTeams(world, `<at>Tollgate</at> approve ${id}`), 400],
    ["something else", fromTeams(world, `<at>Tollgate</at> do not approve ${id} ${digest}`), 400],
  ];
  for (const [what, message, status] of cases) {
    expect(await send(world, message, "teams"), what).toMatchObject({ status });
  }
  expect(world.recorded).toEqual([]);
});

it("takes no message of Teams where the secret is no token of Teams: base64 would make a key of next to nothing of it", async () => {
  const world = answering();
  const { id, arguments_digest: digest } = await ask(world);
  const text = `<at>Tollgate</at> approve ${id} ${digest}`;
  for (const token of ["", "пароль, ¡no es base64!".repeat(3)]) {
    expect(await send(world, fromTeams(world, text, { token }), "no-token")).toMatchObject({ status: 401 });
  }
});
