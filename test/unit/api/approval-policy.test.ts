import { expect, it } from "vitest";
import { PERSON, rig } from "./rig.ts";

/** Approves a call that `asking` of the policy asked for, and uses the approval while version 2 is in force. */
async function useOf(asking: string, labels?: readonly string[]): Promise<unknown> {
  const when =
    labels === undefined ? [] : [{ name: "secret", effect: "deny", when: 'session.label >= label("house")' }];
  const document = { kind: "policy", name: "files", require_approval: ["write_*"], rules: when, version: "2" };
  const world = rig({
    registry: {
      policies: [{ name: "files", appliesTo: () => true, document }],
      ...(labels === undefined ? {} : { labels: { kind: "labels", name: "ours", order: [...labels] } }),
    },
  });
  const inject = async <T>(url: string, payload: object, headers: Record<string, string> = {}): Promise<T> =>
    (await world.api.app.inject({ method: "POST", url, payload, headers })).json<T>();
  const asked = await inject<{ id: string; act_digest: string }>("/v1/approvals", {
    agent: "editor",
    tool: "write_file",
    policy: "files",
    policy_version: asking,
    rule: "r",
    reason: "",
  });
  await inject(`/v1/approvals/${asked.id}/approve`, {}, PERSON);
  const use = { act_digest: asked.act_digest, use_id: "0123456789abcdef" };
  const reply = await inject<{ state?: string; code?: string }>(`/v1/approvals/${asked.id}/use`, use);
  return reply.code ?? reply.state;
}

it("an approval holds for the version of the policy that asked, and for no other", async () => {
  expect(await useOf("2")).toBe("consumed");
  expect(await useOf("1")).toBe("approval_other_act");
});

it("the version is known of a policy whose conditions name labels of one's own, too", async () => {
  expect(await useOf("2", ["open", "house"])).toBe("consumed");
  expect(await useOf("1", ["open", "house"])).toBe("approval_other_act");
});
