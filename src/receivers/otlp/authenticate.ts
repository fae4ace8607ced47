/** Who showed which credential. `undefined` as a whole: refused. */
export type Authenticate = (authorization: string | undefined) => { readonly sender: string | undefined } | undefined;

/** What is asked for where nobody is asked who they are. */
export const ANYBODY = { sender: undefined } as const;
