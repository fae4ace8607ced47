/**
 * The control API's server: routes, who may ask, and how errors leave. Promises: every reply that is not what was asked
 * for is a problem document with a stable code; nothing that a sender writes ends the process; bodies are bounded.
 */
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from "fastify";
import type { Ledger } from "../budget/ledger.ts";
import { LedgerError } from "../budget/ledger-error.ts";
import { Acknowledgements } from "../kill/acknowledgements.ts";
import { ApprovalDesk } from "../approvals/approval-desk.ts";
import type { ApprovalKeeper } from "../approvals/approval-store.ts";
import type { Act, ApprovalRequest, Terms } from "../approvals/request.ts";
import type { Changes } from "../changes/change-log.ts";
import type { CredentialKeeper } from "../identity/credential-store.ts";
import type { IncidentDesk } from "../incidents/incident-desk.ts";
import type { StopKeeper } from "../kill/stop-store.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import type { PastStore } from "../sessions/past-store.ts";
import type { SessionStore } from "../sessions/session-store.ts";
import type { Clock } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Access } from "./access.ts";
import { type AgentFindings, agentsRoute } from "./agents.ts";
import { ApprovalWaiters } from "./approval-waiters.ts";
import { answeringRoute, type AnsweringWebhook, AnsweringWebhooks } from "./approval-webhooks.ts";
import { approvalRoutes } from "./approvals.ts";
import { type AuditApi, auditRoutes } from "./audit.ts";
import { budgetsRoute, type SpendTruth } from "./budgets.ts";
import { changesRoute } from "./changes.ts";
import { ControlStreams } from "./control.ts";
import { credentialRoutes } from "./credentials.ts";
import { approveDecision } from "./decision-approval.ts";
import { decisionsRoute } from "./decisions.ts";
import { killRoutes } from "./kill.ts";
import { healthRoutes } from "./health.ts";
import { FrequentRoutes } from "./frequent.ts";
import { createFrontServer } from "./front.ts";
import { type GovernanceDesk, governanceRoutes } from "./governance.ts";
import { incidentRoutes } from "./incidents.ts";
import { landingPage } from "./landing.ts";
import { leaseRoutes } from "./leases.ts";
import { openApiDocument } from "./openapi.ts";
import { ApiProblem, type ProblemCode, problemReply } from "./problem.ts";
import { ProcessTable } from "./processes.ts";
import type { ReadStore } from "./read-store.ts";
import { recordedCallsRoute } from "./recorded-calls.ts";
import { recordedDecisionsRoute } from "./recorded-decisions.ts";
import { reservationRoutes } from "./reservation-routes.ts";
import { addRoute, type AnyRoute, NOTHING, route } from "./route.ts";
import { spendRoute } from "./spend.ts";
import { raiseRoute } from "./raises.ts";
import { type ServiceStatus, statusRoute } from "./status.ts";
import { StopDesk } from "./stop-desk.ts";
import { joinFleet, type StopFleetOptions } from "./stop-fleet.ts";
import { StopPeers } from "./stop-peers.ts";
import { policiesRoute } from "./policies.ts";
import { DecisionSessions } from "./decision-sessions.ts";
import { sessionReportsRoute, tellSessions } from "./session-reports.ts";
import { sessionsRoutes } from "./sessions.ts";
import { spansRoute } from "./spans.ts";
import { actsFor, Tenancy } from "./tenancy.ts";
import { tracesRoutes } from "./traces.ts";

export interface ApiOptions {
  readonly access: Access;
  readonly ledger: Ledger;
  readonly registry: AgentRegistry;
  readonly store: ReadStore;
  readonly credentials: CredentialKeeper;
  readonly approvals: ApprovalKeeper;
  readonly termsOf: (act: Act) => Terms;
  /** Where answers may come from beside the API. @default none */
  readonly answeringWebhooks?: readonly AnsweringWebhook[];
  readonly findings: AgentFindings;
  readonly incidents: IncidentDesk;
  readonly changes: Changes;
  /** What sessions have seen, over all processes of them. */
  readonly sessions: SessionStore;
  /** How far agents went, over all their processes. */
  readonly pasts: PastStore;
  readonly stops: StopKeeper;
  /** The other processors that share acts with this one. @default none */
  readonly stopFleet?: StopFleetOptions;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly leaseTtlMs: number;
  readonly bodyMaxBytes: number;
  readonly version: string;
  readonly isReady: () => boolean;
  /** Whether the ledger can. @default always */
  readonly isGranting?: () => boolean;
  readonly status: () => Promise<ServiceStatus>;
  /** The documents in force. @default none */
  readonly governance?: GovernanceDesk;
  /** The audit log. @default none */
  readonly audit?: Pick<AuditApi, "desk" | "lines">;
  /** What ClickHouse says of spend. @default nothing */
  readonly truth?: SpendTruth;
}

export interface Api {
  /** For `inject` in tests, and to add what the service mounts beside the API. */
  readonly app: FastifyInstance;
  readonly processes: ProcessTable;
  readonly desk: StopDesk;
  readonly approvals: ApprovalDesk;
  /** Calls back after each change of a request for approval. */
  onApproval(listener: (request: ApprovalRequest) => void): void;
  /** Tells every process that listens that governance changed. */
  sendGovernance(): void;
  readonly routes: readonly AnyRoute[];
  /** Listens; resolves to the port. */
  listen(endpoint: { readonly host: string; readonly port: number }): Promise<number>;
  close(): Promise<void>;
}

export function createApi(options: ApiOptions): Api {
  const { access, ledger, registry, telemetry, clock, store, stops, leaseTtlMs } = options;
  const processes = new ProcessTable(clock);
  const tenancy = new Tenancy({ registry, processes });
  const control = new ControlStreams({
    ledger,
    processes,
    access,
    governanceVersion: () => registry.version,
    stops: () => stops.list,
    actsFor: (agent) => actsFor({ registry, agent, list: stops.list }),
    clock,
    telemetry,
  });
  const { sessions, pasts } = options;
  tellSessions(sessions, control);
  const acknowledgements = new Acknowledgements(clock);
  const recordChange = options.changes.record;
  const peers = options.stopFleet && new StopPeers({ shared: options.stopFleet.shared, clock });
  const desk = new StopDesk({
    store: stops,
    ...(peers === undefined ? {} : { peers }),
    acknowledgements,
    control,
    processes,
    clock,
    telemetry,
    leaseTtlMs,
    recordChange,
    tenantOf: (selector) => tenancy.ofSelector(selector),
  });
  const fleet = options.stopFleet && peers && joinFleet(options.stopFleet, { peers, desk, control, acknowledgements });
  const waiters = new ApprovalWaiters(control);
  const approvalListeners = new Set<(request: ApprovalRequest) => void>([({ id }) => waiters.tell(id)]);
  const approvals = new ApprovalDesk({
    store: options.approvals,
    clock,
    termsOf: options.termsOf,
    onChange: (request) => {
      for (const listener of approvalListeners) listener(request);
    },
  });
  // Who asked here may be answered at another processor.
  options.approvals.onNews(({ id }) => waiters.tell(id));
  const onAsked = (id: string, processId: string): void => waiters.add(id, processId);
  const audit = options.audit === undefined ? undefined : { ...options.audit, clock, recordChange };
  const routes: readonly AnyRoute[] = [
    ...healthRoutes(options),
    ...leaseRoutes({ ledger, registry, processes, telemetry, leaseTtlMs, stops, desk, pasts }),
    sessionReportsRoute({ registry, sessions, pasts, processes }),
    ...killRoutes({
      desk,
      store: stops,
      acknowledgements,
      processes,
      tenancy,
      ...(fleet === undefined ? {} : { fleet }),
    }),
    ...credentialRoutes({ credentials: options.credentials, access, recordChange }),
    agentsRoute({
      registry,
      processes,
      credentials: options.credentials,
      approvals,
      changes: options.changes,
      findings: options.findings,
      tenancy,
      incidents: options.incidents,
      clock,
    }),
    ...incidentRoutes({ incidents: options.incidents, approvals, changes: options.changes, store, tenancy, clock }),
    changesRoute({ changes: options.changes, tenancy }),
    ...reservationRoutes({ ledger, registry, clock, desk, leaseTtlMs: options.leaseTtlMs }),
    ...approvalRoutes({ approvals, registry, desk, clock, recordChange, tenancy, onAsked }),
    decisionsRoute({
      registry,
      clock,
      desk,
      sessions: new DecisionSessions({ sessions, pasts, registry }),
      approve: (wanted) => approveDecision(approvals, wanted),
    }),
    budgetsRoute({ ledger, tenancy, ...(options.truth === undefined ? {} : { truth: options.truth }) }),
    raiseRoute({ ledger, telemetry, recordChange }),
    spendRoute({ store, clock }),
    ...tracesRoutes({ store, clock }),
    ...sessionsRoutes({ store, clock }),
    policiesRoute({ registry, tenancy }),
    ...(options.governance === undefined ? [] : governanceRoutes(options.governance, registry)),
    spansRoute({ store, clock }),
    ...(audit === undefined ? [] : [...auditRoutes(audit), recordedCallsRoute(audit), recordedDecisionsRoute(audit)]),
    statusRoute(options.status),
  ];

  const frequent = frequentRoutes(routes, options);
  const app = createApp(options.bodyMaxBytes, frequent);
  app.setErrorHandler((error: FastifyError, _request, reply) => sendProblem(reply, toProblem(error, telemetry)));
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, new ApiProblem("not_found")));
  measureAnswers(app, telemetry);
  for (const each of routes) addRoute(app, access, each);
  const described = [...routes, descriptionRoute(() => description)];
  const description = openApiDocument({ version: options.version, routes: [...described, answeringRoute] });
  for (const each of described.slice(routes.length)) addRoute(app, access, each);
  control.addTo(app);
  new AnsweringWebhooks({ webhooks: options.answeringWebhooks ?? [], approvals, recordChange, tenancy, clock }).addTo(
    app,
  );
  app.get("/metrics", async (request, reply) => {
    await access.scraper(request.headers.authorization);
    void reply.type(telemetry.registry.contentType);
    return telemetry.registry.metrics();
  });
  app.get("/", async (_request, reply) => {
    void reply.type("text/html; charset=utf-8");
    return landingPage(options.version);
  });

  return {
    app,
    processes,
    desk,
    approvals,
    onApproval: (listener) => void approvalListeners.add(listener),
    sendGovernance: () => control.sendGovernance(),
    routes: described,
    listen: async (endpoint) => {
      control.start();
      const address = new URL(await app.listen(endpoint));
      return Number(address.port);
    },
    close: async () => {
      control.stop();
      fleet?.leave();
      frequent.close();
      await app.close();
    },
  };
}

function createApp(bodyMaxBytes: number, frequent: FrequentRoutes): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: bodyMaxBytes,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
    serverFactory: (handler) => createFrontServer(frequent, handler),
  });
  // JSON only: a page in a browser can send text/plain to this port without asking, JSON it cannot.
  app.removeContentTypeParser("text/plain");
  return app;
}

function frequentRoutes(routes: readonly AnyRoute[], { access, telemetry, bodyMaxBytes }: ApiOptions): FrequentRoutes {
  type Series = ReturnType<Telemetry["measures"]["requests"]["of"]>;
  const answered = new Map<string, Map<number, Series>>();
  return new FrequentRoutes({
    routes,
    access,
    bodyMaxBytes,
    toProblem: (error) => toProblem(error, telemetry),
    onAnswer: ({ route: name, status, seconds }) => {
      const ofRoute = answered.get(name) ?? new Map<number, Series>();
      let series = ofRoute.get(status);
      if (series === undefined) {
        series = telemetry.measures.requests.of({ transport: "api", route: name, status: String(status) });
        answered.set(name, ofRoute.set(status, series));
      }
      series.observe(seconds);
    },
  });
}

/** By the route's pattern: what was asked for outside them is one series, whatever it was. */
function measureAnswers(app: FastifyInstance, { measures }: Telemetry): void {
  app.addHook("onResponse", (request, reply, done) => {
    const { url: pattern = "" } = request.routeOptions;
    const route = pattern === "" ? "none" : `${request.method} ${pattern}`;
    const labels = { transport: "api", route, status: String(reply.statusCode) };
    measures.requests.observe(labels, reply.elapsedTime / 1_000);
    done();
  });
}

function descriptionRoute(description: () => unknown): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/openapi.json",
    summary: "This description",
    access: "anyone",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: NOTHING,
    problems: [],
    handle: async () => description() as Record<string, never>,
  });
}

const BY_FASTIFY_CODE: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "payload_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_media_type",
  FST_ERR_CTP_EMPTY_JSON_BODY: "invalid_request",
  FST_ERR_CTP_INVALID_JSON_BODY: "invalid_request",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "invalid_request",
};

function toProblem(error: unknown, telemetry: Telemetry): ApiProblem {
  const problem = problemOf(error, telemetry);
  if (problem.code === "invalid_request") telemetry.emit("request_refused", { problem: problem.message });
  return problem;
}

function problemOf(error: unknown, telemetry: Telemetry): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof LedgerError) {
    return new ApiProblem(error.code === "invalid_command" ? "invalid_request" : "ledger_unavailable", error.message);
  }
  const { code: fastifyCode = "", statusCode, message = "" } = error as Partial<FastifyError>;
  const code = BY_FASTIFY_CODE[fastifyCode];
  if (code !== undefined) return new ApiProblem(code, message);
  if (statusCode === 400) return new ApiProblem("invalid_request", message);
  telemetry.emit("request_failed", { error: errorText(error) });
  return new ApiProblem("internal");
}

function sendProblem(reply: FastifyReply, problem: ApiProblem): FastifyReply {
  const { status, headers, body } = problemReply(problem);
  return reply.status(status).headers(headers).send(body);
}
