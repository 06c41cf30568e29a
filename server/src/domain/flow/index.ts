// Public face of the flow noun. Flows do not run yet; their actions are judged and kept.
export {
  Action,
  ActionInput,
  actions_max,
  readActions,
} from "./action.ts";
