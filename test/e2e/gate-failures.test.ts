/** A gate that fails inside an agent's process, at the app's own request, is told to the processor, and by it to whoever watches. Real SDK and processor. */
import { expect, test } from "vitest";
import type { ServiceStatus } from "../../src/api/status.ts";
import { useRig } from "../support/rig.ts";
import { runSteps } from "../support/step-agent.ts";
import { tollgate } from "../support/tollgate-cli.ts";

const rig = useRig({ governance: "kind: budget\nname: all\nscope: {}\nlimit: $10.00\nwindow: day\nmode: hard\n" });

const METRIC = "tollgate_gate_failures_total";
const REQUEST = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_completion_tokens: 30 };

test.each([
  { mode: "closed", outcome: { ok: false, code: "gate_unavailable" }, calls: 1, failures: 1 },
  { mode: "open", outcome: { ok: true }, calls: 2, failures: 2 },
])(
  "a request that the gate can't read follows fail_mode $mode, and status and the alert's metric count it",
  async (wanted) => {
    const { processor, providerUrl, simulator, workspace } = rig();
    const before = simulator.count().calls;
    const { results, stderr } = await runSteps({
      name: `trapped-${wanted.mode}`,
      providerUrl,
      endpoints: processor.endpoints,
      env: { TOLLGATE_FAIL_MODE: wanted.mode },
      steps: [
        { kind: "trappedChat", request: REQUEST },
        { kind: "chat", request: REQUEST },
      ],
    });
    expect(stderr).toContain("the gate failed inside");
    expect(results).toMatchObject([wanted.outcome, { ok: true }]);
    expect(simulator.count().calls - before).toBe(wanted.calls);
    // Something that a person should look at.
    const { code, stdout } = await tollgate(["status", "--json", "--data-dir", workspace.dataDir]);
    expect(code).toBe(1);
    const status = JSON.parse(stdout) as ServiceStatus;
    expect(status.gate_failures).toBe(wanted.failures);
    expect(status.warnings).toContainEqual(
      expect.stringContaining(`agent \`trapped-${wanted.mode}\`: its gate failed`),
    );
    const metrics = await (await fetch(`${processor.endpoints.api}/metrics`)).text();
    expect(metrics).toMatch(new RegExp(`^${METRIC} ${wanted.failures}$`, "m"));
  },
);
