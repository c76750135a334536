// What an upstream's endpoints do wrong, told to the operator: once for each kind, with the host and what to check (J14).
import type { Endpoint, Target } from "../contract/target.ts";
import type { ErrorCode } from "../shared/errors.ts";
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Fault, FaultLog, Sign } from "./fault-log.ts";
import { describeCallFault, hostOf } from "./fault-descriptions.ts";

export interface EndpointFaults {
  /** An attempt that was sent at `sentAt` (UTC epoch ms) has failed. */
  failed(target: Target, endpoint: Endpoint, last: LastAttempt, sentAt: number): void;
  /** A page of the web has come where an API answers, with a status that says that all is well. */
  page(target: Target, endpoint: Endpoint): void;
  /** An answer that the client has begun to read did not come to its end. */
  brokeOff(target: Target, endpoint: Endpoint, error: ErrorCode): void;
  /** The endpoint has answered a request that was sent at `sentAt`, UTC epoch ms. */
  well(target: Target, endpoint: Endpoint, sign: Sign, sentAt: number): void;
}

type Words = Pick<Fault, "kind" | "what" | "advice" | "endedBy">;

export function createEndpointFaults(log: FaultLog): EndpointFaults {
  /** Endpoints that have served a request: their base URL is right, and a 404 of theirs is the request's own. */
  const proven = new WeakSet<Endpoint>();

  return {
    failed(target, endpoint, last, sentAt) {
      const { fault, cause, limit } = last;
      const subject = subjectOf(target, endpoint);
      if (fault)
        return log.failed(
          describeCallFault(
            { subject, host: hostOf(endpoint.origin), option: "`baseURL`" },
            { fault, code: cause, limit },
          ),
        );
      const words = wordsOf(target, last, proven.has(endpoint));
      if (words) log.failed({ subject, ...words });
      log.well(subject, "reached", sentAt);
    },
    page(target, endpoint) {
      if (target.dialect.name !== "generic")
        log.failed({ subject: subjectOf(target, endpoint), ...PAGE });
    },
    brokeOff(target, endpoint, error) {
      const words = BROKEN_OFF[error];
      if (words) log.failed({ subject: subjectOf(target, endpoint), ...words });
    },
    well(target, endpoint, sign, sentAt) {
      if (sign === "served") proven.add(endpoint);
      if (!log.isQuiet) log.well(subjectOf(target, endpoint), sign, sentAt);
    },
  };
}

function subjectOf({ upstream }: Target, endpoint: Endpoint): string {
  return `upstream ${upstream} (${hostOf(endpoint.origin)})`;
}

/** Words for an answer that shows a fault of the endpoint, and not of the request or its credential. */
function wordsOf(
  target: Target,
  { verdict, status = 0, answer }: LastAttempt,
  isProven: boolean,
): Words | undefined {
  const { reason, scope, evidence } = verdict;
  if (status >= 300 && status < 400)
    return {
      kind: "redirect",
      what: `answered with a redirect (status ${status}${redirectedTo(answer?.headers.get("location"))})`,
      advice:
        "set `baseURL` to the final address: redirects are not followed, they would carry the credential along",
      endedBy: "served",
    };
  if (reason === "SERVER_ERROR")
    return {
      kind: "server",
      what: `failed with ${answer?.inStream ? "an error inside its answer" : `status ${status}`}`,
      advice: "the fault is at the provider: look at its status page",
      endedBy: "served",
    };
  if (reason === "FORBIDDEN" && scope === "upstream")
    return {
      kind: "region",
      what: `refused requests from this server (status ${status}, ${evidence})`,
      advice: "the provider does not serve this server's region or network address",
      endedBy: "served",
    };
  if (!isProven && target.dialect.name !== "generic" && isPathMissing(status, evidence))
    return {
      kind: "path",
      what: `answered ${status} to its first request (${evidence})`,
      advice:
        "check the path of `baseURL` (a missing or doubled `/v1`?); where it is right, the request's method, path or model is not served there",
      endedBy: "served",
    };
  return undefined;
}

/** Tells whether an answer may mean that the base URL leads nowhere; one that names a model's code does not. */
function isPathMissing(status: number, evidence: string): boolean {
  if (status !== 404 && status !== 405 && status !== 410) return false;
  return /^(?:status:|page:|words:not-there$|none$|code:not_found(?:_error)?$)/i.test(evidence);
}

/** The origin of a redirect's target. Its path and query may hold anything. */
function redirectedTo(location: string | undefined): string {
  if (location === undefined || !/^https?:\/\//i.test(location) || !URL.canParse(location))
    return "";
  return ` to ${new URL(location).origin}`;
}

const PAGE: Words = {
  kind: "page",
  what: "answered with a web page (text/html)",
  advice: "check that `baseURL` is the base address of the API, not of a website",
  endedBy: undefined,
};

const BROKEN_OFF: Partial<Record<ErrorCode, Words>> = {
  ERR_RELAY_TRUNCATED: {
    kind: "truncated",
    what: "connection closed in the middle of an answer",
    advice: "check the proxies and load balancers in between, and their timeouts",
    endedBy: "completed",
  },
  ERR_RELAY_IDLE: {
    kind: "idle",
    what: "fell silent in the middle of an answer",
    advice: "check the proxies in between; `streaming.idleTimeout` is the limit",
    endedBy: "completed",
  },
  ERR_RELAY_UPSTREAM_INVALID: {
    kind: "invalid",
    what: "the answer is not what its headers say",
    advice:
      "check that `baseURL` is the base address of the API and belongs to the configured dialect",
    endedBy: "completed",
  },
};
