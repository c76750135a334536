// The public names, listed by hand.
export { createRelay } from "./edge/create-relay.ts";
export type { OptionsOf } from "./edge/lazy.ts";
export type { Credentials, FetchWhere, Relay } from "./relay.ts";
export { defineRelay, type RelayEvent, type RelayHandler } from "./handler.ts";
export { oauth, type OAuthOptions } from "./auth/sources/oauth.ts";
export { firebase, type FirebaseOptions } from "./auth/sources/firebase.ts";
export { serviceAccount, type ServiceAccountOptions } from "./auth/sources/service-account.ts";
export type { AddedCredential, ExportedCredential } from "./members.ts";
export {
  RelayError,
  type ErrorCode,
  type ErrorFacts,
  type OptionFault,
  type TriedTarget,
} from "./errors.ts";
export type { AnyOptions, GiveOneOf, NotAnOption, OptionsInput } from "./options/input.ts";
export type {
  AnonymousCredential,
  Authorize,
  AuthorizeResult,
  CommonCredential,
  CommonOptions,
  CorsOptions,
  CreateLimitOptions,
  CredentialOptions,
  DialectName,
  DisconnectPolicy,
  KeyCredential,
  LimitOptions,
  ModelOptions,
  OneUpstream,
  PerCallerOptions,
  ProtectOptions,
  QuotaPoolOptions,
  RelayOptions,
  ResponseHeaderOptions,
  SchedulingOptions,
  SeveralUpstreams,
  StreamingOptions,
  TokenCredential,
  TokenOptions,
  UpstreamOptions,
} from "./options/types.ts";
export type {
  AttemptEvent,
  CooldownEvent,
  CreationEvent,
  CredentialEvent,
  EndEvent,
  HookHandlers,
  RotationEvent,
  RefreshEvent,
  RouteEvent,
} from "./hooks.ts";
export type {
  AcquirerStatus,
  CircuitStatus,
  CooldownScope,
  CooldownStatus,
  CreationCounts,
  CredentialCounters,
  CredentialDisabled,
  CredentialStatus,
  CredentialToken,
  RelayStatus,
  RequestCounts,
} from "./contract/status.ts";
export type { DisabledCause, StateHealth, SyncTier } from "./contract/state.ts";
export type { LeaseTier } from "./contract/lease.ts";
export type { RouteQuestion } from "./routes.ts";
export type {
  ChosenBy,
  RouteCandidate,
  RouteClosed,
  RouteDecision,
  Skipped,
  SkippedWhy,
} from "./contract/route.ts";
export type { Candidate, ChooseFunction, StrategyName } from "./contract/strategy.ts";
export type { QuotaAnswer, QuotaQuestion, QuotaSource } from "./contract/quota.ts";
export type { FreshToken, TokenContext, TokenFunction, TokenSource } from "./contract/auth.ts";
export { firebaseAnonymous, type FirebaseKeyOptions } from "./auth/anonymous/firebase.ts";
export { graphqlAnonymous, type GraphqlAnonymousOptions } from "./auth/anonymous/graphql.ts";
export { TokenError, type TokenErrorFacts, type TokenStep } from "./auth/token-error.ts";
export type { AnonymousContext, AnonymousSource } from "./contract/anonymous.ts";
export type { Call } from "./contract/call.ts";
export type { Clock, Random } from "./contract/clock.ts";
export type {
  Asked,
  CodeMeaning,
  Dialect,
  EventMeaning,
  RenderedError,
  StreamEvent,
  Usage,
  UsageOption,
  UsageStatus,
} from "./contract/dialect.ts";
export type { EndReason } from "./contract/end.ts";
export type { Log } from "./contract/log.ts";
export type { HeaderList, Sink } from "./contract/sink.ts";
export type {
  Exchange,
  Outgoing,
  Receiver,
  ReplyHeaders,
  Transport,
  TransportError,
  TransportFault,
} from "./contract/transport.ts";
export type { RefusalRule, RuleReason } from "./limits/rules.ts";
export type { Action, Endpoint, Reason, Refusal, Scope, Verdict } from "./contract/verdict.ts";
