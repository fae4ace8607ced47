/**
 * Everything the API can answer that is not what was asked for: RFC 9457 problem details, each with a stable `code`.
 * Clients check the code, never the text. Source: https://www.rfc-editor.org/rfc/rfc9457
 */
interface ProblemDefinition {
  readonly status: number;
  readonly title: string;
}

export const PROBLEMS = {
  invalid_request: { status: 400, title: "The request is not of the form that the API describes" },
  estimate_incomplete: { status: 400, title: "A budget counts what the estimate leaves out" },
  price_unknown: { status: 400, title: "Nobody knows what the model costs: say the amount in USD" },
  query_refused: { status: 400, title: "ClickHouse refused the query" },
  unauthorized: { status: 401, title: "A credential is missing or not known" },
  budget_exceeded: { status: 402, title: "A budget does not hold what was asked for" },
  forbidden: { status: 403, title: "The credential does not allow this" },
  reservation_unknown: { status: 404, title: "No reservation of this credential has that id, or it is forgotten" },
  approval_required: { status: 403, title: "A person has to allow it first: by a raise of the budget, or by a resume" },
  agent_killed: { status: 403, title: "Somebody killed this agent: nothing is granted until it is resumed" },
  approval_own: { status: 403, title: "Nobody may approve what is asked on his own behalf" },
  approval_not_given: { status: 409, title: "The request is not approved, or its approval is used or over" },
  approval_other_act: { status: 409, title: "The approval is for another act" },
  webhook_replayed: { status: 409, title: "The message came before" },
  approval_ended: { status: 409, title: "The request is no longer open" },
  not_found: { status: 404, title: "There is nothing here by that name" },
  method_not_allowed: { status: 405, title: "The method is not supported here" },
  process_unknown: { status: 409, title: "The ledger does not know this process: say hello first" },
  lease_lost: { status: 409, title: "The lease is closed, expired or of another process: open a new one" },
  reservation_ended: { status: 409, title: "The reservation is committed, released or expired" },
  incident_closed: { status: 409, title: "The incident is closed: only notes are added" },
  too_many_incidents: { status: 409, title: "Too many incidents are open: close some first" },
  too_many_stops: { status: 409, title: "Too many kills and pauses are in force: resume some first" },
  governance_changed: { status: 409, title: "Another version of the documents is in force than was expected" },
  payload_too_large: { status: 413, title: "The request body is too large" },
  unsupported_media_type: { status: 415, title: "The request body is not application/json" },
  idempotency_key_reused: { status: 422, title: "The Idempotency-Key came before with another body" },
  agent_paused: { status: 429, title: "Somebody paused this agent: nothing is granted until it is resumed" },
  too_many_approvals: { status: 429, title: "Too many requests for approval wait for an answer" },
  too_many_streams: { status: 429, title: "Too many control streams are open" },
  internal: { status: 500, title: "An error that should not happen; the log has the details" },
  stopping: { status: 503, title: "The processor is stopping" },
  ledger_unavailable: { status: 503, title: "The ledger cannot write its journal: nothing is granted" },
  not_stored: { status: 503, title: "The disk refuses to store it, so nothing was changed" },
  stop_not_stored: { status: 503, title: "The disk refuses to store it" },
  storage_unavailable: { status: 503, title: "ClickHouse cannot be reached right now" },
} as const satisfies Readonly<Record<string, ProblemDefinition>>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** The body of a problem reply. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail?: string;
  /** For `invalid_request`: each thing that is wrong. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  /** Members that the code defines beside these (RFC 9457 section 3.2). */
  readonly [extension: string]: unknown;
}

/** What a problem brings beside its text. */
export interface ProblemExtras {
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Seconds until it may be otherwise: the `Retry-After` header. */
  readonly retryAfterSeconds?: number;
}

/** Thrown by handlers; the server turns it into its reply. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly code: ProblemCode;
  readonly #detail: string | undefined;
  readonly #errors: ProblemDocument["errors"];
  readonly #extensions: ProblemExtras["extensions"];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, detail?: string, errors?: ProblemDocument["errors"], extras: ProblemExtras = {}) {
    super(detail ?? PROBLEMS[code].title);
    this.code = code;
    this.#detail = detail;
    this.#errors = errors;
    this.#extensions = extras.extensions;
    this.retryAfterSeconds = extras.retryAfterSeconds;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  document(): ProblemDocument {
    const { status, title } = PROBLEMS[this.code];
    return {
      ...this.#extensions,
      type: `urn:tollgate:problem:${this.code}`,
      title,
      status,
      code: this.code,
      ...(this.#detail === undefined ? {} : { detail: this.#detail }),
      ...(this.#errors === undefined ? {} : { errors: this.#errors }),
    };
  }
}

/** A problem as it leaves. */
export function problemReply(problem: ApiProblem): {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} {
  const { status, code, retryAfterSeconds } = problem;
  return {
    status,
    headers: {
      "content-type": `${PROBLEM_MEDIA_TYPE}; charset=utf-8`,
      ...(code === "unauthorized" ? { "www-authenticate": "Bearer" } : {}),
      ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
    },
    body: JSON.stringify(problem.document()),
  };
}
