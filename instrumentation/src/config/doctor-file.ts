/** Where `tollgate doctor` wants to read what it finds in a process: TOLLGATE_DOCTOR. Without imports: it is read before anything else. */
export function doctorFile(): string | undefined {
  return process.env["TOLLGATE_DOCTOR"];
}
