/** What a person may do; each role holds those before it. */
export const ROLES = ["viewer", "approver", "operator", "admin"] as const;

export type Role = (typeof ROLES)[number];

/** Whether somebody with the role `has` may do what needs `needed`. */
export function holdsRole(has: Role, needed: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(needed);
}

/** A person as authentication shows one: nothing here comes from what the person says of himself. */
export interface Person {
  /** What acts are written down under. */
  readonly name: string;
  readonly role: Role;
  /** Whose agents it sees and touches; `undefined`: all. */
  readonly tenant?: string;
}
