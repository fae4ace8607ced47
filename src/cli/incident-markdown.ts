import type { IncidentReply } from "../api/incident-schemas.ts";
import { markdownText } from "./markdown.ts";

/** An incident as a page: agents and people have written what is on it, and it ends in tickets and chats that show pictures and links. */
export function markdownOf(reply: IncidentReply): readonly string[] {
  const { id, severity, state } = reply;
  const [title, openedBy] = [markdownText(reply.title), markdownText(reply.opened_by)];
  const list = (texts: readonly string[]): string => texts.map(markdownText).join(", ") || "none";
  return [
    `# ${title}`,
    "",
    `${id}, ${severity}, ${state}. Opened ${reply.opened_at} by ${openedBy}${reply.closed_at === null ? "" : `, closed ${reply.closed_at}`}.`,
    `Agents: ${list(reply.agents)}. Tags: ${list(reply.tags)}.`,
    "",
    "| time | what | who | text | id |",
    "| --- | --- | --- | --- | --- |",
    ...reply.timeline.map((row) => `| ${[row.at, row.what, row.who, row.text, row.id].map(cell).join(" | ")} |`),
    ...shortcomings(reply),
  ];
}

export function shortcomings({ truncated, storage_ready: isReady }: IncidentReply): readonly string[] {
  return [
    ...(truncated ? ["There is more on record than is shown."] : []),
    ...(isReady ? [] : ["ClickHouse could not be asked: spans are missing."]),
  ];
}

function cell(text: string): string {
  return markdownText(text.replaceAll("\n", " "));
}
