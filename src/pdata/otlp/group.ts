import type { Resource, Scope } from "../span.ts";

/** Spans or log records by the resource and scope objects they share, in the order in which those first appear. */
export function groupByScope<Item extends { readonly resource: Resource; readonly scope: Scope }>(
  items: readonly Item[],
): ReadonlyMap<Resource, ReadonlyMap<Scope, readonly Item[]>> {
  const resources = new Map<Resource, Map<Scope, Item[]>>();
  for (const item of items) {
    let scopes = resources.get(item.resource);
    if (scopes === undefined) resources.set(item.resource, (scopes = new Map()));
    const members = scopes.get(item.scope);
    if (members === undefined) scopes.set(item.scope, [item]);
    else members.push(item);
  }
  return resources;
}
