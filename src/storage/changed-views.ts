/**
 * A view whose query was changed marks what it has filled in otherwise than the same view does once it is loaded anew or gets its
 * name (26.7): what was sent before a restart of the server and is repeated after it would count twice in what the view fills. So
 * each that a migration changes is renamed there and back at once. Unlike a view that is taken out and put back it is missed by next to
 * nobody who inserts meanwhile, and unlike that it can be done on all nodes of a cluster (docs/decisions/0092-renamed-there-and-back.md).
 */
import type { MigrationStatement } from "./migration-files.ts";

const CHANGE = /^ALTER TABLE (\S+)\s+MODIFY QUERY\b/;

export interface ViewsTarget {
  readonly database: string;
  readonly cluster: string | undefined;
}

/** The views that these statements change there, each once, with `{database}` replaced. */
export function changedViews(
  statements: readonly MigrationStatement[],
  { database, cluster }: ViewsTarget,
): readonly string[] {
  const others = cluster === undefined ? "cluster" : "single-server";
  const views = statements.flatMap(({ sql, only }) => (only === others ? [] : (CHANGE.exec(sql)?.[1] ?? [])));
  return [...new Set(views)].map((view) => view.replaceAll("{database}", database));
}

/** Gives a view its mark back. */
export function renewal(view: string, target: ViewsTarget): readonly string[] {
  const away = awayFrom(view);
  return [`RENAME TABLE ${view} TO ${away}${on(target)}`, `RENAME TABLE ${away} TO ${view}${on(target)}`];
}

/** What a migrator that was killed between the two left behind is undone before anything looks for the view. */
export function undoRenewal(view: string, target: ViewsTarget): string {
  return `RENAME TABLE IF EXISTS ${awayFrom(view)} TO ${view}${on(target)}`;
}

const awayFrom = (view: string): string => `${view}_renewed`;
const on = ({ cluster }: ViewsTarget): string => (cluster === undefined ? "" : ` ON CLUSTER '${cluster}'`);
