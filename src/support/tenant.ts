/** The label that says whose an agent is, where several tenants share a fleet. */
export const TENANT_LABEL = "tenant";

/** What a tenant may be named: nothing that means something in a pattern. */
export const TENANT_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
