// Creates the parts of a relay and connects them. The only place that knows all of them.
import { UsageRequests } from "../attempts/usage-requests.ts";
import { BodyBudget } from "../callers/body-budget.ts";
import { toBodyPaths } from "../http/read-request.ts";
import { createEndpointFaults } from "../observe/endpoint-faults.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { RelayOptions } from "../options/types.ts";
import { CircuitBreaker, nameOf } from "../policies/circuit-breaker.ts";
import { PendingAnswers } from "../policies/pending-answers.ts";
import { RetryBudget } from "../policies/retry-budget.ts";
import { createRequestIds } from "../request/request-id.ts";
import { createSessionKey } from "../request/session-key.ts";
import type { Base } from "./base.ts";
import { type Core, createCore } from "./core.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { Services } from "./services.ts";
import { logStartupNotes } from "./startup-log.ts";
import { wireAdmission } from "./wire-callers.ts";
import { type CredentialServices, wireCredentials } from "./wire-credentials.ts";
import { createTransportOf } from "./wire-transport.ts";

/** Creates the services of a relay. Throws `ERR_RELAY_OPTIONS`. */
export function createServices(options: RelayOptions): Services {
  const core: Core = createCore(options, () => credentials.startup.log(false));
  const { config, reporter, random, faultLog, shutdown, state } = core;
  const addedKeys = new Map<string, string>();
  const credentials: CredentialServices = wireCredentials(core, addedKeys);
  logStartupNotes(config, state.health(), reporter);
  const lifecycle = new Lifecycle(core, credentials, createTransportOf(options));
  return {
    ...core,
    ...credentials,
    ...wireLimits(core),
    endpointFaults: createEndpointFaults(faultLog),
    counters: state,
    admission: wireAdmission(core, addedKeys),
    bodies: new BodyBudget(config.limits.bufferedBytes),
    bodyPaths: toBodyPaths(Array.from(config.upstreams.values(), ({ dialect }) => dialect)),
    nextId: createRequestIds(random),
    sessionOf: createSessionKey(config),
    ready: lifecycle.ready,
    transport: () => lifecycle.transport(),
    loaded: () => lifecycle.loaded(),
    tidy: () => lifecycle.tidy(),
    settled: () => lifecycle.settled(),
    isClosing: () => shutdown.isClosing,
    close: () => lifecycle.close(),
  };
}

/** What limits requests, and what is added to them, as the config says. */
function wireLimits({
  config,
  clock,
  reporter,
}: Base): Pick<
  Services,
  "circuits" | "pendingAnswers" | "retryBudget" | "usageRequests" | "ownHeaders"
> {
  const { limits, streaming, responseHeaders } = config;
  return {
    circuits: new CircuitBreaker({
      after: limits.circuitAfter,
      within: limits.circuitWithin,
      openFor: limits.circuitOpen,
    }),
    pendingAnswers: new PendingAnswers({
      limit: limits.maxPending,
      onSilent: (endpoint, streams) =>
        reporter.warn(
          `no answer: ${streams} streams wait for ${nameOf(endpoint)}, and none was answered in 30 s; until one is answered, one request at a time is sent there`,
        ),
    }),
    retryBudget: new RetryBudget(),
    usageRequests: streaming.includeUsage
      ? new UsageRequests(clock, reporter, limits.maxAttempts)
      : undefined,
    ownHeaders: namesOf(responseHeaders),
  };
}

function namesOf(headers: RelayConfig["responseHeaders"]): Set<string> {
  const names = Object.values(headers);
  return new Set(names.flatMap((name) => (name === false ? [] : [name.toLowerCase()])));
}
