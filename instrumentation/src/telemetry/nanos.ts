import type { HrTime } from "@opentelemetry/api";

/** Nanoseconds since 1970, in digits. */
export function nanos(time: HrTime): string {
  const seconds = time[0];
  const rest = time[1];
  return seconds === 0 ? String(rest) : `${seconds}${String(rest).padStart(9, "0")}`;
}
