/** What apps get of the errors, whichever way the package is loaded: entry.ts, index.ts. */
export {
  AgentKilled,
  AgentPaused,
  ApprovalRequired,
  ApprovalDenied,
  ApprovalPending,
  BudgetExceeded,
  ConfigInvalid,
  EgressDenied,
  ErrorCode,
  findTollgateError,
  GateUnavailable,
  TollgateError,
  ToolDenied,
  UnpricedModel,
} from "./errors.ts";
