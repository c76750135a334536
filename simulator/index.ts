// The public names of the simulated upstream.
export { createSimulator } from "./simulator.ts";
export type { ExpectedRequest, Simulator } from "./simulator.ts";
export type { SimulatorOptions } from "./options.ts";
export type { Rule, When } from "./rules.ts";
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
export type { Ledger, Total } from "./ledger.ts";
