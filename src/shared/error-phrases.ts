// Phrases that several error messages share.
import type { ErrorFacts } from "./error-facts.ts";
import { toDurationText, toRetryText } from "./times.ts";

/** ` for model X on upstream Y`, as far as they are known. */
export function forTarget({ model, upstream }: ErrorFacts): string {
  return (model ? ` for model ${model}` : "") + (upstream ? ` on upstream ${upstream}` : "");
}

/** `; retry in 12 s`; empty where no time is known. */
export function retryIn({ retryAfter }: ErrorFacts): string {
  if (retryAfter === undefined) return "";
  return retryAfter > 0 ? `; retry in ${toRetryText(retryAfter)}` : "; retry now";
}

/** The path that would have been correct. */
export function expectedPath({ advice, expected }: ErrorFacts): string {
  if (expected === undefined) return "";
  return advice ? ` Then the request goes to ${expected}.` : ` Did you mean ${expected}?`;
}

/** The limit as a duration, and the option that sets it, as far as that is known: `5 s (`streaming.idleTimeout`)`. */
export function limitText({ limit, option }: ErrorFacts): string {
  return toDurationText(limit ?? 0) + (option === undefined ? "" : ` (\`${option}\`)`);
}

/** Why no connection was made; names no host, because the text goes to clients. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  dns: "The upstream's host name could not be resolved",
  refused: "The upstream refused the connection",
  unreachable: "The upstream's host could not be reached",
  certificate: "The upstream's TLS certificate was not accepted",
  tls: "The TLS handshake with the upstream failed",
  denied: "The relay's process is not allowed to connect to the upstream",
  connect: "The relay could not open a connection to the upstream",
};

export function whyUnreachable({ fault }: ErrorFacts): string {
  return UNREACHABLE[fault ?? ""] ?? "The upstream could not be reached";
}

const TIMED_OUT: Readonly<Record<string, (limit: string) => string>> = {
  "connect-timeout": (limit) => `did not accept a connection within ${limit}`,
  timeout: (limit) => `did not start its response within ${limit}`,
  "body-timeout": (limit) => `sent headers and no byte of its response within ${limit}`,
  "payload-timeout": (limit) =>
    `sent no payload within ${limit}, only comments, events without content or an unfinished response`,
  "idle-timeout": (limit) => `sent no data for ${limit} before its response started`,
};

export function whyTimedOut(facts: ErrorFacts): string {
  return TIMED_OUT[facts.fault ?? ""]?.(limitText(facts)) ?? "did not answer in time";
}

/** How to keep the request body unread, by kind of host. */
const KEEP_BODY_UNREAD: Readonly<Record<string, string>> = {
  express: "mount the relay before `express.json()` and every other body parser",
  node: "mount the relay before the body parser (Express: `express.json()`; Fastify: its content type parsers; h3: `readBody`)",
  web: "pass an unread request; code that runs before the relay, `authorize` included, must read `request.clone()`",
};

export function keepBodyUnread({ detail }: ErrorFacts): string {
  return KEEP_BODY_UNREAD[detail ?? ""] ?? KEEP_BODY_UNREAD["web"]!;
}

/** Temporary reasons why no credential is available, by the `detail` of the error. */
const LIMITED: Readonly<Record<string, string>> = {
  busy: "All credentials are at their concurrency limit (`maxInFlight`)",
  acquiring: "An anonymous token is being created",
  trial: "All credentials are being probed after a cooldown",
};

export function whyLimited(facts: ErrorFacts): string {
  const { detail } = facts;
  const known = LIMITED[detail ?? ""];
  if (known) return known + forTarget(facts);
  return `All credentials are limited${forTarget(facts)}${detail ? `: ${detail}` : ""}`;
}
