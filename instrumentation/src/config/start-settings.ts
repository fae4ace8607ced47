/**
 * The settings that a process was started with. They hold, whatever the app writes into its environment before the gate is loaded: an
 * agent does not raise its own budget. What was not set at the start may come later, out of a `.env` file. Without imports: it is read
 * before anything else.
 */
const IS_SETTING = /^(?:TOLLGATE|OTEL)_/;

export function startSettings(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => IS_SETTING.test(name)));
}

/** Whether arguments of Node, or NODE_OPTIONS, register the process. */
export function isRegistration(text: string): boolean {
  return /@tollgate\/instrumentation\/(?:dist\/)?register|[/\\]instrumentation[/\\]dist[/\\]register\.js/.test(text);
}

const REQUIRES = /^(?:-r|--require)(?:=|$)/;
const IMPORT = /^--import(?:=|$)/;

/** Whether nothing of the app's ran before the registration. */
export function isFirstPreload(): boolean {
  const flags = [...(process.env["NODE_OPTIONS"] ?? "").split(/\s+/), ...process.execArgv];
  const first = flags.findIndex((flag) => IMPORT.test(flag));
  if (first < 0 || flags.some((flag) => REQUIRES.test(flag))) return false;
  const [flag = "", argument = ""] = flags.slice(first);
  return isRegistration(flag) || (flag === "--import" && isRegistration(argument));
}
