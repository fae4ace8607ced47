/** The URL of a path on an origin. Two slashes at a path's start name no other host, as they would in a link. Pure. */
export function urlAt(origin: string, path: string): URL | null {
  if (!/^[/\\]{2}/.test(path)) return URL.parse(path, origin);
  const base = URL.parse(origin);
  return base === null ? null : URL.parse(`${base.origin}${path}`);
}
