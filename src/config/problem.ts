/** One thing that is wrong with a file, where a person finds it. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1; 0 when the problem has no place in the file. */
  readonly line: number;
  readonly column: number;
  /** `receivers.otlp.protocols.http`; "" for the whole file. */
  readonly path: string;
  readonly message: string;
}

/** `file:line:column: path: message`, as compilers print it and editors jump to it. */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  return problem.path === "" ? `${place}: ${problem.message}` : `${place}: ${problem.path}: ${problem.message}`;
}

/** Thrown with every problem found, never only the first. */
export class ConfigInvalid extends Error {
  override readonly name = "ConfigInvalid";
  readonly code = "config_invalid";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}
