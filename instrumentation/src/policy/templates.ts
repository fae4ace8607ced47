/**
 * Policies to start from. Patterns are wide where they deny and narrow where they allow; whatever they do not name is
 * denied. They are plain documents: copy one into `governance/` and change it.
 */
import type { PolicyInput } from "./policy.ts";

const TEMPLATES = {
  /** Reads are free, writes are asked for, changes of structure are denied, grants are a no-go zone. */
  database: {
    name: "database",
    default: "deny",
    allow: ["{db_,sql_,}{read,select,query,list,describe,get,explain}{,_*}"],
    require_approval: [
      "*{write,insert,update,upsert,delete,merge,create,execute,import}*",
      "*{backup,restore,migrate}*",
    ],
    deny: ["*{drop,truncate,alter,rename}*"],
    forbid: ["*{grant,revoke}*", "*{password,credential,secret}*", "iam_*"],
  },
  /** Reading and drafting are free, sending is asked for, mass mail and deleting are denied, forwarding rules are a no-go zone. */
  email: {
    name: "email",
    default: "deny",
    allow: ["{email_,mail_,}{read,list,search,get,draft,label}{,_*}"],
    require_approval: ["*{send,reply,forward,invite}*"],
    deny: ["*{delete,purge,trash,unsubscribe}*", "*{bulk,mass,broadcast}*"],
    forbid: [
      "*{auto_forward,forwarding,delegate}*",
      "*{filter,rule}_{create,update,add}*",
      "*{create,update,add}_{filter,rule}*",
    ],
    rules: [
      {
        name: "no-exfiltration",
        effect: "forbid",
        tools: ["*{send,reply,forward}*"],
        when: 'session.label >= label("confidential")',
        reason: "this session has read confidential data, which must not leave by mail",
      },
    ],
  },
  /** Reading and commenting are free, verdicts and merges are asked for, pushing is denied, repository settings are a no-go zone. */
  "code-review": {
    name: "code-review",
    default: "deny",
    allow: [
      "{repo_,pr_,git_,}{read,list,get,search,diff,blame,log}{,_*}",
      "{pr_,}{comment,add_comment,create_comment,suggest}{,_*}",
    ],
    require_approval: ["*{approve,request_changes,merge,close,reopen,rebase}*", "*{run,rerun,trigger}_*"],
    deny: ["*{push,commit,delete,force,revert}*", "*{write,edit,create}_{file,branch,tag,release}*"],
    forbid: ["*{secret,token,credential}*", "*{protection,permission,collaborator,webhook,deploy_key}*"],
  },
} as const satisfies Record<string, PolicyInput>;

export type PolicyTemplate = keyof typeof TEMPLATES;

/** The document of a template; `undefined` for a name that is none. */
export function policyTemplate(name: string): PolicyInput | undefined {
  return Object.entries(TEMPLATES).find(([key]) => key === name)?.[1];
}

/** The names of all templates. */
export const POLICY_TEMPLATES: readonly string[] = Object.keys(TEMPLATES);
