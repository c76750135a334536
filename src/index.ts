// The public names, listed by hand.
export { createRelay } from "./hosts/create-relay.ts";
export type { OptionsOf } from "./hosts/lazy-relay.ts";
export type { Credentials } from "./admin/credentials-api.ts";
export type { FetchWhere, Relay } from "./relay.ts";
export { defineRelay, type RelayEvent, type RelayHandler } from "./hosts/h3.ts";
export { oauth, type OAuthOptions } from "./tokens/sources/oauth.ts";
export { firebase, type FirebaseOptions } from "./tokens/sources/firebase-refresh.ts";
export { serviceAccount, type ServiceAccountOptions } from "./tokens/sources/service-account.ts";
export type { AddedCredential, ExportedCredential } from "./admin/runtime-credentials.ts";
export {
  RelayError,
  type ErrorCode,
  type ErrorFacts,
  type OptionFault,
  type TriedTarget,
} from "./shared/errors.ts";
export type { AnyOptions, GiveOneOf, NotAnOption, OptionsInput } from "./options/input.ts";
export type {
  AnonymousCredential,
  CommonCredential,
  CreateLimitOptions,
  CredentialOptions,
  KeyCredential,
  TokenCredential,
} from "./options/credential-types.ts";
export type {
  CorsOptions,
  DisconnectPolicy,
  LimitOptions,
  PerCallerOptions,
  ProtectOptions,
  ResponseHeaderOptions,
  SchedulingOptions,
  StreamingOptions,
  TokenOptions,
} from "./options/group-types.ts";
export type {
  Authorize,
  AuthorizeResult,
  CommonOptions,
  OneUpstream,
  RelayOptions,
  SeveralUpstreams,
} from "./options/types.ts";
export type {
  DialectName,
  ModelOptions,
  QuotaPoolOptions,
  UpstreamOptions,
} from "./options/upstream-types.ts";
export type {
  AttemptEvent,
  CooldownEvent,
  CreationEvent,
  CredentialEvent,
  EndEvent,
  HookHandlers,
  NextStep,
  RotationEvent,
  RefreshEvent,
  RouteEvent,
} from "./observe/hooks.ts";
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
} from "./contract/relay-status.ts";
export type { DisabledCause } from "./contract/records.ts";
export type { StateHealth, SyncTier } from "./contract/state.ts";
export type { LeaseTier } from "./contract/lease.ts";
export type { RouteQuestion } from "./routing/explain-route.ts";
export type {
  ChosenBy,
  RouteCandidate,
  RouteClosed,
  RouteDecision,
  Skipped,
  SkippedWhy,
} from "./contract/route-decision.ts";
export type { Candidate, ChooseFunction, StrategyName } from "./contract/strategy.ts";
export type {
  ModelQuota,
  QuotaAnswer,
  QuotaQuestion,
  QuotaSource,
} from "./contract/quota-source.ts";
export type {
  FreshToken,
  TokenContext,
  TokenFunction,
  TokenSource,
} from "./contract/token-source.ts";
export { firebaseAnonymous, type FirebaseKeyOptions } from "./tokens/sources/firebase-identity.ts";
export { graphqlAnonymous, type GraphqlAnonymousOptions } from "./anonymous/graphql-anonymous.ts";
export { TokenError, type TokenErrorFacts, type TokenStep } from "./tokens/token-error.ts";
export type { AnonymousContext, AnonymousSource } from "./contract/anonymous-source.ts";
export type { InboundCall } from "./contract/inbound-call.ts";
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
export type { OperationPlaces, OperationTable } from "./contract/operations.ts";
export type { EndReason } from "./contract/end-reason.ts";
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
export type { RefusalRule, RuleReason } from "./refusals/operator-rules.ts";
export type {
  Action,
  RefusingEndpoint,
  Reason,
  Refusal,
  Scope,
  Verdict,
} from "./contract/verdict.ts";
