/** Gates every LLM call and tool decision of an agent: policy, budget, span. See README.md. */
export { withContext } from "./context/context.ts";
export type { TollgateContext } from "./context/context.ts";
export * from "./public-errors.ts";
export type { BudgetAmount } from "./lease/budget-amount.ts";
export type { BudgetObstacle } from "./lease/budget-refusal.ts";
export { guard } from "./guard/guard.ts";
export type { Guarded } from "./guard/guard.ts";
export type { GuardControls, GuardOptions } from "./guard/guard-budget.ts";
export { guardTool } from "./guard/guard-tool.ts";
export type { ToolOptions } from "./guard/tool-call.ts";
export { Policy } from "./policy/policy.ts";
export type { PolicyCheck, PolicyOptions } from "./policy/policy.ts";
export { flush, registerTollgate } from "./registration/register-tollgate.ts";
export type { Registration } from "./registration/register-tollgate.ts";
