// The loop inside one request: choose, authorize, send, judge, until one answer is good or the budget is spent.
import type { Key } from "./contract/credential.ts";
import type { HeaderList } from "./contract/sink.ts";
import type { Target } from "./contract/target.ts";
import type { Outgoing } from "./contract/transport.ts";
import type { Refusal } from "./contract/verdict.ts";
import type { Failure } from "./consequences.ts";
import type { Ending, Life } from "./life.ts";
import type { Cooldown } from "./pool/cooldowns.ts";
import type { Pool, Wanted } from "./pool/pool.ts";
import type { ReadRequest } from "./request/read.ts";
import type { Rooms } from "./rooms.ts";
import { RelayError } from "./errors.ts";
import { type LastAttempt, toFailure } from "./failure.ts";
import { judge, judgeFault } from "./limits/judge.ts";
import { createSpent, nextStep, type Spent, type Step } from "./limits/steps.ts";
import { toClientHeaders, toOutgoingHeaders } from "./request/headers.ts";
import { withoutParameters } from "./request/path.ts";
import { ANY_MODEL } from "./request/targets.ts";
import { Reply, type ReplyResult } from "./stream/reply.ts";

/** Everything a request needs to be attempted. */
export interface Errand {
  life: Life;
  asked: ReadRequest;
  target: Target;
  session: string | undefined;
  /** Sends status and headers of an upstream's answer to the client. */
  commit: (status: number, headers: HeaderList, isEventStream: boolean) => void;
}

/** What became of all attempts: the client has its answer, or a failure is to be told. */
export type Outcome =
  | { kind: "ended"; ending: Ending }
  | { kind: "failed"; error: RelayError; last: LastAttempt | undefined };

/** Where the loop stands between two attempts. */
interface Standing {
  spent: Spent;
  /** Credentials that this request does not choose again (A11). */
  excluded: string[];
  /** Those of them that a cooldown keeps away: they may be asked again when it is over (E2). */
  cooled: Set<string>;
  /** The credential to use once more, and the window that this request may retry in. */
  again: Again | undefined;
  last: LastAttempt | undefined;
  lastCredential: string | undefined;
  /** Credentials that answered this request with 403. */
  forbidden: Set<string>;
  /** How long the request may still wait for a credential, ms. */
  patience: number;
}

interface Again {
  credential: string;
  met: Cooldown | undefined;
}

interface FailedAttempt extends Again {
  sentAt: number;
  result: Extract<ReplyResult, { kind: "refused" | "failed" }>;
}

/** Attempts an errand until it has ended for the client, or cannot be helped. Throws where the request itself is over. */
export async function runAttempts(rooms: Rooms, errand: Errand): Promise<Outcome> {
  const standing = createStanding(rooms.config.limits.maxWait);
  for (;;) {
    errand.life.check();
    const taken = takeCredential(rooms, errand, standing);
    if (!taken) {
      const error = await waitForCredential(rooms, errand, standing);
      if (error) return { kind: "failed", error, last: standing.last };
      continue;
    }
    const sentAt = rooms.clock.now();
    standing.spent.attempts++;
    const result = await sendOnce(rooms, errand, taken);
    if (result.kind === "left") throw errand.life.ended ?? new RelayError("ERR_RELAY_CLIENT_GONE");
    if (result.kind === "ended")
      return { kind: "ended", ending: { reason: result.end, error: result.error } };
    const step = settleFailure(rooms, errand, standing, { ...taken, sentAt, result });
    if (step.go === "stop")
      return { kind: "failed", error: finalError(rooms, errand, standing), last: standing.last };
    if (step.delay > 0) await errand.life.sleep(rooms.clock.now() + step.delay);
  }
}

function createStanding(patience: number): Standing {
  return {
    spent: createSpent(),
    excluded: [],
    cooled: new Set(),
    again: undefined,
    last: undefined,
    lastCredential: undefined,
    forbidden: new Set(),
    patience,
  };
}

function poolOf(rooms: Rooms, { target }: Errand): Pool {
  return rooms.pools.get(target.upstream)!;
}

/** Chooses and takes the slot; sending follows in the same turn. */
function takeCredential(rooms: Rooms, errand: Errand, standing: Standing): Again | undefined {
  const { life, target, session } = errand;
  const pool = poolOf(rooms, errand);
  const now = rooms.clock.now();
  const { again, excluded } = standing;
  standing.again = undefined;
  const same = again && pool.retake(again.credential, target, again.met?.openedAt, now);
  const chosen = same ?? pool.take({ target, session, excluded }, now);
  if (!chosen) return undefined;
  announceRotation(rooms, life, standing, chosen.id);
  life.credential = { id: chosen.id, label: chosen.label };
  return { credential: chosen.id, met: same ? again?.met : undefined };
}

function announceRotation({ hooks }: Rooms, life: Life, standing: Standing, to: string): void {
  const { lastCredential: from, last } = standing;
  standing.lastCredential = to;
  if (last && from !== undefined && from !== to)
    hooks.emit("rotation", { requestId: life.id, from, to, reason: last.verdict.reason });
}

/** One upstream call, from sending to the end of the answer or to the refusal; its slot is given back whatever happens. */
async function sendOnce(rooms: Rooms, errand: Errand, taken: Again): Promise<ReplyResult> {
  errand.life.attempts++;
  try {
    return await send(rooms, errand, taken);
  } finally {
    poolOf(rooms, errand).release(taken.credential, rooms.clock.now());
    rooms.waiting.wakeOne(errand.target.upstream);
  }
}

function send(rooms: Rooms, errand: Errand, { credential, met }: Again): Promise<ReplyResult> {
  const { config, clock, consequences, ownHeaders } = rooms;
  const { life, asked, target } = errand;
  const { connectTimeout, firstByteTimeout, idleTimeout, eventSize } = config.streaming;
  const sentAt = clock.now();
  return life.guarded<ReplyResult>((settle) => {
    const reply: Reply = new Reply({
      dialect: target.dialect,
      delivery: life.delivery,
      timers: life.timers,
      clock,
      wantsStream: target.dialect.wantsStream(asked),
      isHead: asked.method === "HEAD",
      timeouts: { connect: connectTimeout, firstByte: firstByteTimeout, idle: idleTimeout },
      eventSize,
      commit: (status, headers, isEventStream) =>
        errand.commit(status, toClientHeaders(headers, ownHeaders), isEventStream),
      onOpen() {
        life.timers.clear("deadline");
        consequences.succeeded(credential, target, sentAt, met);
      },
      onResult(result) {
        if (result.kind === "ended") life.usage = reply.readUsage();
        settle(result);
      },
    });
    reply.start(rooms.transport().send(toOutgoing(rooms, errand, credential), reply));
    return (error) =>
      error.code === "ERR_RELAY_CLIENT_GONE"
        ? reply.abandon()
        : reply.cut(error.code === "ERR_RELAY_SHUTDOWN" ? "shutdown" : "timeout", error.code);
  });
}

function toOutgoing(
  { auth }: Rooms,
  { life, asked, target }: Errand,
  credential: string,
): Outgoing {
  const { dialect, origin, basePath } = target;
  const query = withoutParameters(asked.query, dialect.secretParameters);
  const headers = toOutgoingHeaders(
    life.call,
    target,
    dialect.credentialHeader(auth.peek(credential)!),
  );
  return {
    method: asked.method,
    origin,
    path: basePath + asked.path + query || "/",
    headers,
    body: asked.body,
  };
}

/** Judges a failed attempt, books what follows from it and decides the next step. */
function settleFailure(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
  attempt: FailedAttempt,
): Step {
  const { life, target, session } = errand;
  const { credential, sentAt } = attempt;
  const last = (standing.last = judgeAttempt(rooms, errand, attempt));
  const { verdict } = last;
  tellAttempt(rooms, errand, attempt, last);
  // The deadline or a shutdown cut it short: nobody is to blame, and nothing follows.
  life.check();
  const pool = poolOf(rooms, errand);
  const isShared = verdict.reason === "MODEL_CAPACITY_EXHAUSTED";
  const wanted: Wanted = { target, session, excluded: [...standing.excluded, credential] };
  const hasOther = pool.hasAny(wanted, rooms.clock.now());
  const isOnly = !hasOther && pool.isOnly(credential, target);
  const step = nextStep(verdict, standing.spent, { hasOther, isOnly }, rooms.config.limits);
  const failure: Failure = {
    requestId: life.id,
    credential,
    target,
    verdict,
    sentAt,
    isGrace: step.go === "same" && standing.spent.grace,
  };
  // Capacity closes the model only when this request's tries are spent (C12); everything else closes at once (D7).
  const met = isShared && step.go !== "stop" ? undefined : bookFailure(rooms, standing, failure);
  if (step.go === "same" || (step.go === "any" && !hasOther))
    standing.again = { credential, met: met ?? attempt.met };
  else standing.excluded.push(credential);
  if (met) standing.cooled.add(credential);
  return step;
}

// Several credentials that are refused for one request are not at fault: what was done to the first is undone (E7).
function bookFailure(
  { consequences }: Rooms,
  { forbidden }: Standing,
  failure: Failure,
): Cooldown | undefined {
  const { reason, scope } = failure.verdict;
  if (reason !== "FORBIDDEN" || scope !== "credential") return consequences.book(failure);
  forbidden.add(failure.credential);
  if (forbidden.size === 1) return consequences.book(failure);
  consequences.pardon([...forbidden]);
  return undefined;
}

function judgeAttempt(
  { clock, auth }: Rooms,
  { target }: Errand,
  { credential, result }: FailedAttempt,
): LastAttempt {
  if (result.kind === "failed")
    return {
      verdict: judgeFault(result.fault),
      status: undefined,
      fault: result.fault,
      answer: undefined,
    };
  const { status, headers, body, inStream } = result;
  const refusal: Refusal = {
    status,
    header: (name) => headers.get(name) ?? undefined,
    body: new TextDecoder().decode(body),
    endpoint: "ai",
    inStream,
    model: target.model === ANY_MODEL ? undefined : target.model,
    receivedAt: clock.now(),
  };
  const answer = { status, headers, body, inStream, secret: auth.peek(credential) ?? "" };
  return { verdict: judge(refusal, target.dialect), status, fault: undefined, answer };
}

function tellAttempt(
  { hooks, state, clock, reporter }: Rooms,
  { life, target }: Errand,
  attempt: FailedAttempt,
  { verdict, status }: LastAttempt,
): void {
  const { credential, sentAt } = attempt;
  state.count(credential, true);
  reporter.debug(
    `request ${life.id}: attempt ${life.attempts} on ${credential} failed: ${verdict.reason} (${verdict.evidence})`,
  );
  if (!hooks.has("attempt")) return;
  const { upstream, model } = target;
  hooks.emit("attempt", {
    requestId: life.id,
    attempt: life.attempts,
    credential,
    upstream,
    model,
    status,
    verdict,
    duration: clock.now() - sentAt,
  });
}

/** Nobody is eligible: waits where waiting is worthwhile, otherwise returns the error to end with. */
async function waitForCredential(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
): Promise<RelayError | undefined> {
  const { life, target, session } = errand;
  const { clock, config } = rooms;
  const { spent, excluded } = standing;
  const startedAt = clock.now();
  const { why, until, key } = poolOf(rooms, errand).blocked(
    { target, session, excluded },
    startedAt,
  );
  if (why === "empty" || why === "spent" || spent.attempts >= config.limits.maxAttempts)
    return finalError(rooms, errand, standing);
  if (why === "cooling" && until - startedAt > standing.patience)
    return limitedError(rooms, target, until, key);
  if (standing.patience <= 0)
    return new RelayError("ERR_RELAY_LIMITED", {
      ...factsOf(target),
      retryAfter: 1,
      detail: "all in use",
    });
  await waitUntil(rooms, life, target.upstream, Math.min(until, startedAt + standing.patience));
  const now = clock.now();
  standing.patience -= now - startedAt;
  if (now >= until) standing.excluded = excluded.filter((id) => !standing.cooled.has(id));
  return undefined;
}

async function waitUntil(
  { waiting }: Rooms,
  life: Life,
  upstream: string,
  until: number,
): Promise<void> {
  let wakeUp = (): void => {};
  const place = waiting.enter(upstream, () => wakeUp());
  try {
    await life.sleep(until, (wake) => (wakeUp = wake));
  } finally {
    place.leave();
  }
}

/** The error for a target whose credentials are all closed: which one depends on what closed them. */
function limitedError(
  { cooldowns, clock }: Rooms,
  target: Target,
  until: number,
  key: Key | undefined,
): RelayError {
  const reason = key && cooldowns.get(key)?.reason;
  const facts = { ...factsOf(target), retryAfter: Math.ceil((until - clock.now()) / 1_000) };
  if (reason === "NOT_FOUND") return new RelayError("ERR_RELAY_MODEL_NOT_FOUND", factsOf(target));
  if (reason === "MODEL_CAPACITY_EXHAUSTED") return new RelayError("ERR_RELAY_CAPACITY", facts);
  return new RelayError("ERR_RELAY_LIMITED", { ...facts, detail: reason });
}

function finalError(rooms: Rooms, errand: Errand, { last, excluded }: Standing): RelayError {
  const { target, asked, session } = errand;
  if (!last) return new RelayError("ERR_RELAY_NO_CREDENTIAL", factsOf(target));
  const now = rooms.clock.now();
  const { until } = poolOf(rooms, errand).blocked({ target, session, excluded }, now);
  return toFailure(
    last,
    target,
    asked.path,
    until === Infinity ? undefined : Math.ceil((until - now) / 1_000),
  );
}

function factsOf({ upstream, model }: Target): { upstream: string; model: string | undefined } {
  return { upstream, model: model === ANY_MODEL ? undefined : model };
}
