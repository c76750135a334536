// Reports faults of an upstream's endpoints to the operator: once per kind of fault, with the host and what to check (J14).
import type { Endpoint, Target } from "../contract/target.ts";
import type { ErrorCode } from "../shared/errors.ts";
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Fault, FaultLog, Sign } from "./fault-log.ts";
import type { SentSecrets } from "./sent-secrets.ts";
import { describeCallFault, hostOf } from "./fault-descriptions.ts";

export interface EndpointFaults {
  /** Reports a failed attempt that was sent at `sentAt` (UTC epoch ms). `sent` hides what it has sent. */
  failed(
    target: Target,
    endpoint: Endpoint,
    last: LastAttempt,
    sentAt: number,
    sent?: Pick<SentSecrets, "hide">,
  ): void;
  /** Reports a web page with a success status where an API should answer. */
  page(target: Target, endpoint: Endpoint): void;
  /** Reports a response that ended early after the client had begun to read it. */
  brokeOff(target: Target, endpoint: Endpoint, error: ErrorCode): void;
  /** Reports that the endpoint has answered a request that was sent at `sentAt` (UTC epoch ms). */
  well(target: Target, endpoint: Endpoint, sign: Sign, sentAt: number): void;
}

type Description = Pick<Fault, "kind" | "what" | "advice" | "endedBy">;

export function createEndpointFaults(log: FaultLog): EndpointFaults {
  /** Endpoints that have served a request: their base URL is correct, and a 404 is caused by the request itself. */
  const proven = new WeakSet<Endpoint>();

  return {
    failed(target, endpoint, last, sentAt, sent) {
      const { fault, cause, limit, option } = last;
      const subject = subjectOf(target, endpoint);
      if (fault)
        return log.failed(
          describeCallFault(
            { subject, host: hostOf(endpoint.origin), option: "`baseURL`" },
            { fault, code: cause, limit, limitOption: option },
          ),
        );
      const description = describeResponse(target, last, proven.has(endpoint), sent);
      if (description) log.failed({ subject, ...description });
      log.well(subject, "reached", sentAt);
    },
    page(target, endpoint) {
      if (target.dialect.name !== "generic")
        log.failed({ subject: subjectOf(target, endpoint), ...PAGE });
    },
    brokeOff(target, endpoint, error) {
      const description = INTERRUPTED[error];
      if (description) log.failed({ subject: subjectOf(target, endpoint), ...description });
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

/** Describes a response that shows a fault of the endpoint, and not of the request or its credential. */
function describeResponse(
  target: Target,
  { verdict, status = 0, answer }: LastAttempt,
  isProven: boolean,
  sent: Pick<SentSecrets, "hide"> | undefined,
): Description | undefined {
  const { reason, scope, evidence } = verdict;
  if (status >= 300 && status < 400)
    return {
      kind: "redirect",
      what: `answered with a redirect (status ${status}${redirectedTo(answer?.headers.get("location"), sent)})`,
      advice:
        "set `baseURL` to the final address: redirects are not followed, because they would carry the credential along",
      endedBy: "served",
    };
  if (reason === "SERVER_ERROR")
    return {
      kind: "server",
      what: `failed with ${answer?.inStream ? "an error inside its response" : `status ${status}`}`,
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
        "check the path of `baseURL` (a missing or doubled `/v1`?); if it is correct, the request's method, path or model is not served there",
      endedBy: "served",
    };
  return undefined;
}

/** True when a response may mean that the base URL is wrong; not where it has an error code about the model. */
function isPathMissing(status: number, evidence: string): boolean {
  if (status !== 404 && status !== 405 && status !== 410) return false;
  return /^(?:status:|page:|words:not-there$|none$|code:not_found(?:_error)?$)/i.test(evidence);
}

/** The origin of a redirect's target. Its path and query may contain a secret. */
function redirectedTo(to: string | undefined, sent: Pick<SentSecrets, "hide"> | undefined): string {
  const location = sent && to !== undefined ? sent.hide(to) : to;
  if (location === undefined || !/^https?:\/\//i.test(location) || !URL.canParse(location))
    return "";
  return ` to ${new URL(location).origin}`;
}

const PAGE: Description = {
  kind: "page",
  what: "answered with a web page (text/html)",
  advice: "check that `baseURL` is the base address of the API, not of a website",
  endedBy: undefined,
};

const INTERRUPTED: Partial<Record<ErrorCode, Description>> = {
  ERR_RELAY_TRUNCATED: {
    kind: "truncated",
    what: "connection closed in the middle of a response",
    advice: "check the proxies and load balancers between relay and upstream, and their timeouts",
    endedBy: "completed",
  },
  ERR_RELAY_IDLE: {
    kind: "idle",
    what: "sent no data in the middle of a response",
    advice: "check the proxies between relay and upstream; the limit is `streaming.idleTimeout`",
    endedBy: "completed",
  },
  ERR_RELAY_NO_PAYLOAD: {
    kind: "no payload",
    what: "sent no payload in the middle of a response, only comments, pings or white space",
    advice:
      "check that the service is running and not overloaded; the limit is `streaming.payloadIdleTimeout`",
    endedBy: "completed",
  },
  ERR_RELAY_UPSTREAM_INVALID: {
    kind: "invalid",
    what: "the response does not match its own headers",
    advice:
      "check that `baseURL` is the base address of the API and belongs to the configured dialect",
    endedBy: "completed",
  },
};
