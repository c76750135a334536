// The public names of the simulated upstream.
export { createSimulator } from "./simulator.ts";
export type { ExpectedRequest, Simulator } from "./simulator.ts";
export { SCENARIOS } from "./scenarios.ts";
export type { Scenario, ScenarioName } from "./scenarios.ts";
export type { SimulatorOptions } from "./options.ts";
export type { Rule, When } from "./rules.ts";
export type { Quota } from "./quotas.ts";
export type { CreationOptions, Creations } from "./identity/creations.ts";
export type { Found, Grant, Grants, Issued, TokenOptions } from "./identity/grants.ts";
export type {
  Behaviour,
  ContentEncoding,
  ErrorInside,
  HintPlace,
  Moment,
  RefusalKind,
  Refuse,
  Reply,
  SimulatedDialect,
} from "./behaviour.ts";
export type { Call, CallEnd, CallTiming } from "./call.ts";
export type { Asked } from "./inbound.ts";
export type { Ledger, Total } from "./ledger.ts";
