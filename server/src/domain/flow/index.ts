// Public face of the flow noun. Flows do not run yet; their actions are judged and kept.
export {
  Action,
  ActionInput,
  action_types,
  actions_max,
  flowProblems,
  readActions,
} from "./action.ts";
