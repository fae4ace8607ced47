/**
 * Where an act went, as spans may say it: the host, the mail domain, the channel or the bucket, and never more. Links of the
 * audit chain cover these names, so that no redaction takes them out later: what may be somebody's address, a number or a
 * secret is `(other)` from the start.
 */
import { findLabels } from "./find-labels.ts";

/** What is no name of a place. */
export const OTHER_PLACE = "(other)";
/** There were more than are told. */
export const MORE_PLACES = "(more)";

const PLACES_MAX = 32;
const HOST = /^([\p{L}\p{N}_](?:[\p{L}\p{N}_.-]{0,251}[\p{L}\p{N}_])?)\.?(?::\d{1,5})?(?:[/?#].*)?$/su;
const ADDRESS_V6 = /^\[[0-9a-f:.]{2,45}\]/;
const ADDRESS_V4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const CHANNEL = /^#[\p{L}\p{N}_-]{1,80}$/u;

/** Places of destinations as `reachOf` finds them, each once. */
export function placesOf(destinations: readonly string[]): readonly string[] {
  const places = new Set<string>();
  for (const destination of destinations) {
    const place = placeOf(destination);
    if (places.size >= PLACES_MAX && !places.has(place)) return [...places, MORE_PLACES];
    places.add(place);
  }
  return [...places];
}

function placeOf(destination: string): string {
  const text = destination.trim().toLowerCase();
  const at = text.lastIndexOf("@");
  const place = at > 0 ? text.slice(at + 1).replace(/>$/, "") : text;
  const [v6] = ADDRESS_V6.exec(place) ?? [];
  if (v6 !== undefined) return v6;
  if (CHANNEL.test(place)) return place;
  const [, name = ""] = HOST.exec(place) ?? [];
  if (ADDRESS_V4.test(name)) return name;
  return /\p{L}/u.test(name) && findLabels(name).length === 0 ? name : OTHER_PLACE;
}
