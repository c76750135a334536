// Who may call: `authorize`, the limits per caller, and what the log says of client addresses (N10).
import type { Reporter } from "../observe/reporter.ts";
import type { RelayConfig } from "../options/resolve.ts";
import { type CallerAdmission, createCallerAdmission } from "../callers/admission.ts";
import { describeAuthorizeFault } from "../callers/authorize-faults.ts";
import {
  type CallerLimits,
  type CallerLimitsOptions,
  createCallerLimits,
  wideLimit,
} from "../callers/caller-limits.ts";
import { type AddressFault, createAddressFinder } from "../callers/client-address.ts";
import {
  forwardingHeaders,
  isFromLoopback,
  PATIENCE,
  ProxyDetection,
  type SeenProxy,
} from "../callers/proxy-detection.ts";
import { describeFault } from "../shared/describe-error.ts";
import type { Base } from "./base.ts";

const FAULTS: Record<AddressFault, string> = {
  throws: "clientAddress failed; the client's address counts as unknown",
  type: "clientAddress must return a string or undefined, and not a promise; the client's address counts as unknown",
  garbage:
    "clientAddress returned a string that is not an IP address; the client's address counts as unknown",
  disagree:
    "a request's X-Forwarded-For and Forwarded headers name different clients, so neither is used; let the proxy remove the one that it does not write itself",
};

/** Creates what admits requests. `addedKeys`: keys that were added at run time; log lines must not quote them. */
export function wireAdmission(
  { config, reporter, faultLog }: Base,
  addedKeys: ReadonlyMap<string, string>,
): CallerAdmission {
  return createCallerAdmission(config.authorize, wireCallerLimits(config, reporter), (fault) =>
    faultLog.failed(describeAuthorizeFault(fault, () => allSecrets(config, addedKeys))),
  );
}

/** All secrets of the config. */
function* allSecrets(
  { secrets, sealing, sources }: RelayConfig,
  addedKeys: ReadonlyMap<string, string>,
): Iterable<string> {
  yield* secrets.values();
  yield* addedKeys.values();
  yield* sealing;
  for (const source of sources.values())
    if (typeof source === "object" && source.refreshToken !== undefined) yield source.refreshToken;
}

function wireCallerLimits(config: RelayConfig, reporter: Reporter): CallerLimits {
  const { limits, clientAddress, trustProxy } = config;
  const { concurrent } = limits.perCaller;
  const isConfigured = clientAddress !== undefined || trustProxy !== undefined;
  const onFault = (fault: AddressFault, error?: unknown): void =>
    reporter.warn(
      error === undefined ? FAULTS[fault] : `${FAULTS[fault]}: ${describeFault(error)}`,
    );
  return createCallerLimits({
    ...createNotices(concurrent, isConfigured, reporter),
    concurrent,
    findClient: createAddressFinder({ clientAddress, trustProxy, onFault }),
    watch: isConfigured
      ? undefined
      : new ProxyDetection((seen) => reporter.warn(describeProxy(seen, concurrent))),
  });
}

/** Lines that are logged once about requests whose address does not identify their client. */
function createNotices(
  concurrent: number | false,
  isConfigured: boolean,
  { warn }: Reporter,
): Pick<CallerLimitsOptions, "onFull" | "onUnknown"> {
  let isFullTold = isConfigured;
  let isUnknownTold = false;
  return {
    onFull(call, client) {
      const headers = isFullTold ? [] : forwardingHeaders(call, client);
      if (headers.length === 0) return;
      isFullTold = true;
      warn(
        `an address has reached the cap of ${concurrent} requests at a time (\`limits.perCaller.concurrent\`), and the request carries ${headers.join(", ")}: if there is a proxy in front, all its users count as one client until \`trustProxy\` or \`clientAddress\` is set`,
      );
    },
    onUnknown(call) {
      // A development server does not show which addresses a deployment will know.
      if (isUnknownTold || isFromLoopback(call)) return;
      isUnknownTold = true;
      warn(
        `the address of a client is not known: all requests without an address share one cap of ${wideLimit(concurrent)} at a time; pass \`address\` to \`relay.fetch\`, set \`clientAddress\`, or set \`trustProxy\` to the number of proxies in front`,
      );
    },
  };
}

function describeProxy({ network, headers }: SeenProxy, concurrent: number | false): string {
  const isRead = headers.includes("x-forwarded-for") || headers.includes("forwarded");
  const remedy =
    isRead || headers.length === 0
      ? `set \`trustProxy\` to the number of proxies in front (\`1\`) or to their networks (\`["${network}"]\`)`
      : `set \`clientAddress\`, for example to \`(request) => request.headers.get("${headers[0]}")\``;
  const seen = headers.length > 0 ? headers.join(", ") : "forwarding headers";
  return `${PATIENCE} requests in a row from one private address (in ${network}) carry ${seen}: there is a proxy in front, and all its users count as one client; ${remedy}, after checking that the proxy itself writes the header. Until then the cap of that address is ${wideLimit(concurrent)} requests at a time, instead of ${concurrent}`;
}
