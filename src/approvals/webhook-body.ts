/** What a webhook is sent, and what comes back from it. Pure. What agents say is text here: it can neither format nor mention. */
import { type ApprovalRequest, stateAt } from "./request.ts";
import { currentDigest, missingApprovals } from "./rules.ts";

export type WebhookEvent = "asked" | "reminder" | "escalation" | "answered";

/** Something else that people are told of. */
export interface WebhookNotice {
  readonly event: "alert";
  /** Of the alert. */
  readonly id: string;
  readonly text: string;
}

export interface BodyOptions {
  readonly event: WebhookEvent;
  readonly format: "generic" | "slack" | "teams";
  readonly request: ApprovalRequest;
  readonly nowMs: number;
  readonly includesArguments: boolean;
}

const TEXT_MAX = 2_000;

/** The body as JSON can be made of it. */
export function webhookBody(options: BodyOptions): unknown {
  switch (options.format) {
    case "generic":
      return genericBody(options);
    case "slack":
      return slackBody(options);
    case "teams":
      return teamsBody(options);
  }
}

function genericBody({ event, request, nowMs, includesArguments }: BodyOptions): unknown {
  const { argumentsJson, edited } = request;
  const json = edited?.json ?? argumentsJson;
  return {
    event,
    id: request.id,
    state: stateAt(request, nowMs),
    kind: request.kind,
    agent: request.agent,
    session: request.session,
    tool: request.tool,
    reason: request.reason,
    arguments_digest: currentDigest(request),
    ...(includesArguments && json !== "" ? { arguments: JSON.parse(json) as unknown } : {}),
    missing: missingApprovals(request),
    asked_at: new Date(request.askedAtMs).toISOString(),
    expires_at: new Date(request.expiresAtMs).toISOString(),
    answers: request.answers.map(({ by, answer, comment }) => ({ by, answer, comment })),
  };
}

/** https://api.slack.com/reference/block-kit: plain text throughout, so that nothing in it is a link or a mention. */
function slackBody(options: BodyOptions): unknown {
  const { event, request, nowMs } = options;
  const text = linesOf(options).join("\n").slice(0, TEXT_MAX);
  const value = `${request.id} ${currentDigest(request)}`;
  const button = (answer: string, label: string, style: string): unknown => ({
    type: "button",
    action_id: `tollgate_${answer}`,
    text: { type: "plain_text", text: label },
    style,
    value,
  });
  const isPending = event !== "answered" && stateAt(request, nowMs) === "pending";
  return {
    text: titleOf(options),
    blocks: [
      { type: "section", text: { type: "plain_text", text } },
      ...(isPending
        ? [{ type: "actions", elements: [button("approve", "Approve", "primary"), button("deny", "Deny", "danger")] }]
        : []),
    ],
  };
}

/** What is told without being asked: nobody answers it. */
export function noticeBody(format: BodyOptions["format"], { event, id, text }: WebhookNotice): unknown {
  if (format === "generic") return { event, id, text };
  if (format === "teams") return teamsCard([text]);
  return { text, blocks: [{ type: "section", text: { type: "plain_text", text: text.slice(0, TEXT_MAX) } }] };
}

/** People answer by a message to the team's outgoing webhook: its cards have no buttons that would reach us. */
function teamsBody(options: BodyOptions): unknown {
  const { event, request, nowMs } = options;
  const isPending = event !== "answered" && stateAt(request, nowMs) === "pending";
  const answer = `To answer here, mention the outgoing webhook: approve ${request.id} ${currentDigest(request)} (or deny)`;
  return teamsCard([...linesOf(options), ...(isPending ? [answer] : [])]);
}

/** An Adaptive Card (https://adaptivecards.io), as Teams' workflows take it. */
function teamsCard([title = "", ...lines]: readonly string[]): unknown {
  const block = (text: string, more: object = {}): unknown => ({
    type: "RichTextBlock",
    inlines: [{ type: "TextRun", text: text.slice(0, TEXT_MAX), ...more }],
  });
  return {
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.4",
          body: [block(title, { weight: "Bolder" }), ...lines.map((line) => block(line))],
        },
      },
    ],
  };
}

function titleOf({ event, request, nowMs }: BodyOptions): string {
  const what = `${request.tool} of ${request.agent}`;
  switch (event) {
    case "asked":
      return `Approval asked: ${what}`;
    case "reminder":
      return `Still unanswered: ${what}`;
    case "escalation":
      return `Escalated, nobody answered: ${what}`;
    case "answered":
      return `${what} is ${stateAt(request, nowMs)}`;
  }
}

function linesOf(options: BodyOptions): readonly string[] {
  const { request, includesArguments } = options;
  const json = request.edited?.json ?? request.argumentsJson;
  return [
    titleOf(options),
    `Why: ${request.reason}`,
    ...(includesArguments && json !== "" ? [`Arguments: ${json}`] : []),
    ...request.answers.map(({ by, answer, comment }) => `${answer}: ${by}${comment === "" ? "" : `, ${comment}`}`),
    `Until: ${new Date(request.expiresAtMs).toISOString()}`,
    `tollgate approvals show ${request.id}`,
  ];
}

export interface WebhookAnswer {
  readonly id: string;
  readonly answer: "approve" | "deny";
  /** As the other side knows the person; config says who that is. */
  readonly by: string;
  /** What the person was shown: the digest of the arguments. */
  readonly shown: string;
  readonly comment: string;
  readonly edited?: unknown;
}

/** `undefined` for a body of any other shape. */
export function readWebhookAnswer(format: "generic" | "slack" | "teams", body: string): WebhookAnswer | undefined {
  try {
    if (format === "slack") return readSlack(new URLSearchParams(body).get("payload") ?? "");
    return (format === "teams" ? readTeams(body) : undefined) ?? readGeneric(body);
  } catch {
    return undefined;
  }
}

function readGeneric(body: string): WebhookAnswer | undefined {
  const { id, answer, by, arguments_digest: shown, comment = "", arguments: edited } = JSON.parse(body) as Json;
  if (typeof id !== "string" || typeof by !== "string" || typeof shown !== "string") return undefined;
  if (typeof comment !== "string" || (answer !== "approve" && answer !== "deny")) return undefined;
  return { id, answer, by, shown, comment: comment.slice(0, TEXT_MAX), ...(edited === undefined ? {} : { edited }) };
}

/** https://api.slack.com/reference/interaction-payloads/block-actions */
function readSlack(payload: string): WebhookAnswer | undefined {
  const { type, user, actions } = JSON.parse(payload) as {
    readonly type?: unknown;
    readonly user?: { readonly id?: unknown };
    readonly actions?: readonly { readonly action_id?: unknown; readonly value?: unknown }[];
  };
  const [action] = actions ?? [];
  const answer = /^tollgate_(approve|deny)$/.exec(String(action?.action_id))?.[1];
  const [id, shown] = String(action?.value).split(" ");
  if (type !== "block_actions" || typeof user?.id !== "string" || id === undefined || shown === undefined)
    return undefined;
  if (answer !== "approve" && answer !== "deny") return undefined;
  return { id, answer, by: user.id, shown, comment: "" };
}

/**
 * What somebody wrote to an outgoing webhook of Teams: `@Tollgate approve apr_… DIGEST a comment`
 * (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook). Who, is their id in Entra.
 */
function readTeams(body: string): WebhookAnswer | undefined {
  const { type, from, text } = JSON.parse(body) as {
    readonly type?: unknown;
    readonly from?: { readonly aadObjectId?: unknown };
    readonly text?: unknown;
  };
  if (type !== "message" || typeof from?.aadObjectId !== "string" || typeof text !== "string") return undefined;
  const said = text.slice(0, TEXT_MAX).replaceAll(TEAMS_MARKS, " ").trim();
  const [, answer, id, shown, comment] = /^(approve|deny)\s+(apr_\S+)\s+(\S+)\s*(.*)$/is.exec(said) ?? [];
  const wanted = answer?.toLowerCase();
  if (id === undefined || shown === undefined || (wanted !== "approve" && wanted !== "deny")) return undefined;
  return { id, answer: wanted, by: from.aadObjectId, shown: shown.toLowerCase(), comment: comment ?? "" };
}

/** The mention itself, other marks of HTML, and the space that Teams puts behind a mention. */
const TEAMS_MARKS = /<at>[^<]*<\/at>|<[^<>]*>|&nbsp;|\u00a0/g;

type Json = Readonly<Record<string, unknown>>;
