/** Programs drawn from a seed: lanes that run side by side, in each of which an app does one thing after the other. */
import { Random } from "../random.ts";
import { anthropicOperations } from "./anthropic.ts";
import { openaiOperations } from "./openai.ts";
import type { Operations } from "./operation.ts";
import { aiOperations, bedrockOperations, googleOperations } from "./others.ts";
import { wireOperations } from "./wire.ts";

/** Both are the same in each process, however fast it is. */
export type AbortMoment = "before" | "waiting";

export interface Step {
  readonly operation: string;
  readonly prompt: string;
  readonly maxTokens?: number;
  readonly fault: string;
  readonly retries: number;
  readonly timeoutMs?: number;
  readonly abort?: AbortMoment;
  /** Who it is for. */
  readonly context?: Readonly<Record<string, string>>;
  /** Of what it draws itself. */
  readonly seed: number;
}

export interface Program {
  readonly lanes: readonly (readonly Step[])[];
}

const LIBRARIES: readonly Operations[] = [
  openaiOperations,
  openaiOperations,
  anthropicOperations,
  wireOperations,
  googleOperations,
  aiOperations,
  bedrockOperations,
];
export const OPERATIONS: Operations = Object.assign({}, ...LIBRARIES) as Operations;

const FAULTS = [
  "",
  "",
  "",
  "",
  "",
  "rate_limit=0",
  "rate_limit_once=0",
  "server_error",
  "cut=0",
  "cut=1",
  "cut=3",
  "huge",
  "no_usage",
  "pace=2",
  "latency=20",
  "no_usage,cut=2",
  "no_usage,pace=1",
];

const FAULTS_OF_PARSED = ["malformed", "wrong_type"];

export function drawProgram(seed: number): Program {
  const random = new Random(seed);
  const lanes = random.chance(0.6) ? 1 : random.between(2, 3);
  return {
    lanes: Array.from({ length: lanes }, (_, lane) =>
      Array.from({ length: random.between(1, 3) }, (_step, at) => drawStep(random, `${seed} ${lane} ${at}`)),
    ),
  };
}

function drawStep(random: Random, name: string): Step {
  const operation = random.pick(Object.keys(random.pick(LIBRARIES)));
  const length = random.chance(0.1) ? random.between(100, 900) : random.between(1, 8);
  const common = {
    operation,
    prompt: `${name} ${"ask é ".repeat(length)}`,
    ...(random.chance(0.8) ? { maxTokens: random.pick([1, 5, 17, 40, 90, 200]) } : {}),
    seed: random.below(2 ** 31),
    ...(random.chance(0.2) ? { context: { user: `u${random.below(3)}` } } : {}),
  };
  if (random.chance(0.06)) return { ...common, fault: "latency=600", retries: 0, abort: "waiting" };
  if (random.chance(0.04)) return { ...common, fault: "latency=400", retries: 0, timeoutMs: 30 };
  const fault = random.pick(isRaw(operation) ? FAULTS : [...FAULTS, ...FAULTS_OF_PARSED]);
  // A library waits half a second before it tries again by itself.
  const isSlow = /server_error|cut|latency/.test(fault) || operation in googleOperations;
  const retries = isSlow ? 0 : random.below(3);
  return { ...common, fault, retries, ...(random.chance(0.04) ? { abort: "before" as const } : {}) };
}

/** A stream whose bytes the app reads itself has fields that only the gate asked for, where it is no stream by its head or its syntax. */
function isRaw(operation: string): boolean {
  return operation in wireOperations || operation.endsWith("asResponse");
}
