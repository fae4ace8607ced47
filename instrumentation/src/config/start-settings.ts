/**
 * The settings that a process was started with. They hold, whatever the app writes into its environment before the gate is loaded: an
 * agent does not raise its own budget. What was not set at the start may come later, out of a `.env` file. Without imports: it is read
 * before anything else.
 */
const IS_SETTING = /^(?:TOLLGATE|OTEL)_/;

export function startSettings(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => IS_SETTING.test(name)));
}
