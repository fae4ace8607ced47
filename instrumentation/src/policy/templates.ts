/**
 * Policies to start from. Patterns are wide where they deny and narrow where they allow; whatever they do not name is
 * denied. They are plain documents: copy one into `governance/` and change it.
 */
import type { PolicyInput } from "./policy.ts";

const PAYING = ["{pay,pay_*,*_pay}", "*{charge,refund,transfer,payout,capture,make_payment,send_payment}*"];

/** Names under which tools are given paths. */
const PATHS = "['path', 'file_path', 'filename', 'file', 'source', 'destination', 'from', 'to']";

/** Whether a condition on `args[p]` is met by any of them. */
function anyPath(condition: string): string {
  return `${PATHS}.exists(p, p in args && (${condition}))`;
}

/** By what is declared of tools, whatever they are called: what can't be undone, and what gives rights. */
const ASKS_FIRST = {
  name: "asks-first",
  effect: "require_approval",
  tools: ["*"],
  when: 'tool.reversibility == "irreversible" || "grant" in tool.actions',
  reason: "what can't be undone, and what gives rights, is asked for",
} as const;

const TEMPLATES = {
  /** Reads are free, writes are asked for, changes of structure are denied, grants are a no-go zone. */
  database: {
    name: "database",
    default: "deny",
    allow: ["{db_,sql_,}{read,select,query,list,describe,get,explain}{,_*}"],
    require_approval: [
      "*{write,insert,update,upsert,delete,merge,create,execute,import}*",
      "*{backup,restore,migrate,export,dump,bulk}*",
    ],
    deny: ["*{drop,truncate,alter,rename}*"],
    forbid: ["*{grant,revoke}*", "*{password,credential,secret}*", "iam_*"],
    rules: [ASKS_FIRST],
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
      ASKS_FIRST,
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
    rules: [ASKS_FIRST],
  },
  /** Looking around is free, running is asked for, what destroys or hides is denied, becoming root is a no-go zone. */
  shell: {
    name: "shell",
    default: "deny",
    allow: ["{shell_,bash_,sh_,}{pwd,ls,cat,head,tail,grep,find,which,env_names}"],
    require_approval: [
      "{shell,bash,sh,exec,execute,run_command,execute_command,run_shell,terminal}",
      "*{exec,run,execute,command,spawn}*",
    ],
    deny: ["*{mkfs,dd_,shred,fork_bomb,shutdown,reboot}*", "*{kill_all,rm_rf,history_clear}*"],
    forbid: ["*{sudo,setuid,chroot}*", "*{reverse_shell,keylog}*", "*{credential,secret,private_key}*"],
    rules: [
      ASKS_FIRST,
      {
        name: "no-destruction",
        effect: "deny",
        tools: ["*"],
        when:
          "has(args.command) && (glob(args.command, '*rm{ ,\\t}*-*r*') || glob(args.command, '*mkfs*') || " +
          "glob(args.command, '*dd{ ,\\t}*of=/dev/*') || glob(args.command, '*>*/dev/sd*') || glob(args.command, '*find *-delete*'))",
        reason: "the command destroys data",
      },
      {
        name: "no-root",
        effect: "forbid",
        tools: ["*"],
        when:
          "has(args.command) && (glob(args.command, '*{sudo,doas}*') || glob(args.command, 'su{ ,\\t}*') || " +
          "glob(args.command, '*{ ,;,&,|,/,`,(,\\n,\\t}su{ ,\\t}*'))",
        reason: "commands are not run as another user",
      },
      {
        name: "no-download-and-run",
        effect: "deny",
        tools: ["*"],
        when: "has(args.command) && glob(args.command, '*{curl,wget}*|*{sh,bash,python,node}*')",
        reason: "the command runs what it downloads",
      },
      {
        name: "no-exfiltration",
        effect: "forbid",
        tools: ["*"],
        when:
          'session.label >= label("confidential") && has(args.command) && ' +
          "glob(args.command, '*{curl,wget,scp,rsync,nc,ssh}*')",
        reason: "this session has read confidential data, which must not leave by the network",
      },
    ],
  },
  /** Reading is free, writing is asked for, deleting needs a dry run first, keys and system files are a no-go zone. */
  "file-system": {
    name: "file-system",
    default: "deny",
    allow: ["{fs_,file_,}{read,list,stat,search,glob,tree,get}{,_*}"],
    require_approval: [
      "*{write,edit,append,create,move,copy,rename,mkdir,patch}*",
      "*{delete,remove,unlink,rmdir,trash}*",
    ],
    deny: ["*{chmod,chown,symlink,mount,format}*"],
    forbid: ["*{ssh_key,keychain,shadow}*"],
    rules: [
      ASKS_FIRST,
      {
        name: "delete-after-dry-run",
        effect: "deny",
        tools: ["*{delete,remove,unlink,rmdir}*"],
        when: "!session.rehearsed && !(has(args.dry_run) && args.dry_run == true)",
        reason: "delete only what was deleted in a dry run before: call it with `dry_run: true` first",
      },
      {
        name: "no-secrets",
        effect: "forbid",
        tools: ["*"],
        when: anyPath(
          "glob(args[p], '{*/,}{.ssh/,.aws/,.gnupg/,.env}*') || glob(args[p], '*{/etc/shadow,id_rsa,id_ed25519,.pem}*')",
        ),
        reason: "the path holds keys",
      },
      {
        name: "no-way-out",
        effect: "deny",
        tools: ["*"],
        when: anyPath(
          "args[p].contains('..') || glob(args[p], '*{//,/./}*') || glob(args[p], '{~,/etc/,/proc/,/sys/,/dev/,/boot/,/root/}*')",
        ),
        reason: "the path leads out of the working directory",
      },
    ],
  },
  /** Looking is free, typing and clicking are asked for, downloads are denied, passwords and payments are a no-go zone. */
  browser: {
    name: "browser",
    default: "deny",
    allow: [
      "{browser_,page_,}{navigate,open,goto,read,screenshot,scroll}{,_*}",
      "{browser_,page_,}{snapshot,wait,back,get,find,extract}{,_*}",
    ],
    require_approval: ["*{click,type,fill,select,press,submit,upload,drag,login}*"],
    deny: ["*{download,install,extension,evaluate,execute,run_script}*"],
    forbid: ["*{password,cookie,local_storage,session_storage,payment}*"],
    rules: [
      ASKS_FIRST,
      {
        name: "no-inner-network",
        effect: "forbid",
        tools: ["*"],
        when:
          "has(args.url) && args.url != 'about:blank' && (!glob(args.url, '{http,https}://*') || " +
          "glob(args.url, '*://{localhost,[0-9],.,/}*') || args.url.contains('://[') || " +
          "glob(args.url, '*://*.{internal,local,localhost}{,.,:*,/*}') || " +
          "['\\t', '\\n', '\\r', '\\\\'].exists(c, args.url.contains(c)) || " +
          "args.url.contains('@') && (args.url.indexOf('/', 8) < 0 || args.url.indexOf('@') < args.url.indexOf('/', 8)))",
        reason: "the address is of this machine or its inner network, or may be: a number, a name before `@`, no http",
      },
      {
        name: "no-exfiltration",
        effect: "forbid",
        tools: ["*{type,fill,submit,upload}*"],
        when: 'session.label >= label("confidential")',
        reason: "this session has read confidential data, which must not go into a page",
      },
    ],
  },
  /** Looking is free, moving money is asked for up to an amount, above it denied; accounts of others are a no-go zone. */
  payments: {
    name: "payments",
    default: "deny",
    allow: ["{payments_,invoice_,}{get,list,search,read,quote,status,balance}{,_*}"],
    require_approval: [...PAYING, "*{invoice_create,create_invoice}*"],
    deny: ["*{delete,void_all,bulk,batch,mass}*"],
    forbid: [
      "*{bank_account,beneficiary,payee,iban}_{add,create,update,change}*",
      "*{add,create,update,change}_{bank_account,beneficiary,payee,iban}*",
      "*{card_number,cvv,secret,credential}*",
    ],
    rules: [
      ASKS_FIRST,
      {
        name: "amount-is-a-number",
        effect: "deny",
        tools: PAYING,
        when: "!has(args.amount) || !(args.amount > 0.0)",
        reason: "`amount` must be a number above zero",
      },
      {
        name: "amount-limit",
        effect: "deny",
        tools: PAYING,
        when: "has(args.amount) && args.amount > 1000.0",
        reason: "more than 1,000 at once is not for an agent",
      },
      {
        name: "three-denials",
        effect: "forbid",
        tools: PAYING,
        when: "session.denied >= 3",
        reason: "this session was refused three times",
      },
    ],
  },
  /** Reading is free; IAM, network, bulk data and what can't be undone are asked for; grants are a no-go zone. */
  cloud: {
    name: "cloud",
    default: "deny",
    allow: ["{aws_,gcp_,azure_,cloud_,k8s_,}{describe,list,get,read,status,logs,plan}{,_*}"],
    require_approval: [
      "*{create,update,put,modify,scale,restart,deploy,apply,start,stop,tag}*",
      "*{security_group,firewall,route,vpc,subnet,dns,network,load_balancer,gateway,peering}*",
      "{acl_*,*_acl,*_acl_*}",
      "*{export,snapshot,copy,restore,migrate,sync,dump,bulk,batch,mass}*",
      "{iam_,*_iam_}*",
      "*{delete,terminate,destroy,remove}*",
    ],
    deny: [
      "*{delete,destroy,drop}*{bucket,database,cluster,volume,backup,project,account}*",
      "*{make_public,open_to_world}*",
    ],
    forbid: [
      "*{grant,attach_policy,assume_role,create_user,create_access_key,create_key,set_policy}*",
      "{iam_,*_iam_}{attach,put,add,pass}_*",
      "*login_profile*",
      "*{secret,credential,kms}*",
      "*{disable,stop,delete}*{trail,logging,audit,guard,monitor}*",
    ],
    rules: [
      ASKS_FIRST,
      {
        name: "production-asks",
        effect: "require_approval",
        tools: ["*{logs,get_object,read_object}*"],
        environments: ["prod*"],
      },
      {
        name: "irreversible-in-production",
        effect: "deny",
        environments: ["prod*"],
        when: 'tool.reversibility == "irreversible"',
        reason: "what can't be undone is not done in production by an agent",
      },
      {
        name: "open-network",
        effect: "forbid",
        tools: ["*"],
        when: "has(args.cidr) && (args.cidr == '0.0.0.0/0' || args.cidr == '::/0')",
        reason: "the rule opens a network to the world",
      },
    ],
  },
} as const satisfies Record<string, PolicyInput>;

export type PolicyTemplate = keyof typeof TEMPLATES;

/** The document of a template; `undefined` for a name that is none. */
export function policyTemplate(name: string): PolicyInput | undefined {
  return Object.entries(TEMPLATES).find(([key]) => key === name)?.[1];
}

/** The names of all templates. */
export const POLICY_TEMPLATES: readonly string[] = Object.keys(TEMPLATES);
