// The loop inside one request: choose, authorize, send, judge, until one answer is good or the budget is spent.
import type { Key } from "./contract/credential.ts";
import type { Target } from "./contract/target.ts";
import type { Transport } from "./contract/transport.ts";
import type { Reason, Verdict } from "./contract/verdict.ts";
import type { Consequences, ConsequenceRooms } from "./consequences.ts";
import type { ReadRequest } from "./request/read.ts";
import type { WaitingRoom } from "./waiting.ts";
import { RelayError } from "./errors.ts";
import { type LastAttempt, toFailure } from "./failure.ts";
import type { Ending, Life } from "./life.ts";
import { judge, judgeFault } from "./limits/judge.ts";
import { createSpent, nextStep, type Step } from "./limits/steps.ts";
import type { Cooldown } from "./pool/cooldowns.ts";
import type { Pool, Wanted } from "./pool/pool.ts";
import { toClientHeaders, toOutgoingHeaders } from "./request/headers.ts";
import { withoutParameters } from "./request/path.ts";
import { Reply, type ReplyResult } from "./stream/reply.ts";

export interface AttemptRooms extends ConsequenceRooms {
  transport: Transport;
  consequences: Consequences;
  waiting: WaitingRoom;
  /** Sends status and headers of an upstream's answer to the client. */
  commit: (life: Life, status: number, headers: [string, string][], isEventStream: boolean) => void;
  ownHeaders: ReadonlySet<string>;
}

/** Everything a request needs to be attempted. */
export interface Errand {
  life: Life;
  asked: ReadRequest;
  target: Target;
  session: string | undefined;
}

/** What became of all attempts: the client has its answer, or a failure is to be told. */
export type Outcome =
  | { kind: "ended"; ending: Ending }
  | { kind: "failed"; error: RelayError; last: LastAttempt | undefined };

/** Where the loop stands between two attempts. */
interface Standing {
  spent: ReturnType<typeof createSpent>;
  excluded: string[];
  /** The credential to use once more, and the window that this request may retry in. */
  again: { id: string; met: Cooldown | undefined } | undefined;
  last: LastAttempt | undefined;
  lastCredential: string | undefined;
  /** Credentials that answered this request with 403. */
  forbidden: Set<string>;
}

export async function runAttempts(rooms: AttemptRooms, errand: Errand): Promise<Outcome> {
  const { life, target } = errand;
  const pool = rooms.pools.get(target.upstream)!;
  const standing: Standing = {
    spent: createSpent(),
    excluded: [],
    again: undefined,
    last: undefined,
    lastCredential: undefined,
    forbidden: new Set(),
  };
  for (;;) {
    life.check();
    const taken = takeCredential(rooms, pool, errand, standing);
    if (!taken) {
      const failure = await waitForCredential(rooms, pool, errand, standing);
      if (failure) return { kind: "failed", error: failure, last: standing.last };
      continue;
    }
    const { credential, met } = taken;
    const sentAt = rooms.clock.now();
    let result: ReplyResult;
    try {
      result = await send(rooms, errand, credential, met, ++standing.spent.attempts);
    } finally {
      pool.release(credential, rooms.clock.now());
      rooms.waiting.wakeOne(target.upstream);
    }
    if (result.kind === "left") throw life.ended ?? new RelayError("ERR_RELAY_CLIENT_GONE");
    if (result.kind === "ended")
      return { kind: "ended", ending: { reason: result.end, error: result.error } };
    const step = settleFailure(rooms, pool, errand, standing, { credential, sentAt, met, result });
    if (step.go === "stop")
      return {
        kind: "failed",
        error: finalError(rooms, pool, errand, standing),
        last: standing.last,
      };
    if ("delay" in step && step.delay > 0) await life.sleep(rooms.clock.now() + step.delay);
  }
}

/** Choosing and taking the slot happen in the same turn as sending. */
function takeCredential(
  rooms: AttemptRooms,
  pool: Pool,
  { life, target, session }: Errand,
  standing: Standing,
): { credential: string; met: Cooldown | undefined } | undefined {
  const now = rooms.clock.now();
  const { again } = standing;
  standing.again = undefined;
  const same = again && pool.retake(again.id, target, again.met?.openedAt, now);
  const chosen = same ?? pool.take({ target, session, excluded: standing.excluded }, now);
  if (!chosen) return undefined;
  announceRotation(rooms, life, standing, chosen.id);
  life.credential = { id: chosen.id, label: chosen.label };
  return { credential: chosen.id, met: same ? again?.met : undefined };
}

function announceRotation(
  { hooks }: AttemptRooms,
  life: Life,
  standing: Standing,
  to: string,
): void {
  const from = standing.lastCredential;
  standing.lastCredential = to;
  if (from !== undefined && from !== to && standing.last)
    hooks.emit("rotation", { requestId: life.id, from, to, reason: standing.last.verdict.reason });
}

/** One upstream call, from sending to the end of the answer or to the refusal. */
function send(
  rooms: AttemptRooms,
  { life, asked, target }: Errand,
  credential: string,
  met: Cooldown | undefined,
  attempt: number,
): Promise<ReplyResult> {
  const { config, clock, transport, consequences } = rooms;
  const { dialect } = target;
  life.attempts = attempt;
  const sentAt = clock.now();
  const { connectTimeout, firstByteTimeout, idleTimeout, eventSize } = config.streaming;
  return life.guarded<ReplyResult>((settle) => {
    const reply: Reply = new Reply({
      dialect,
      delivery: life.delivery,
      timers: life.timers,
      clock,
      wantsStream: dialect.wantsStream(asked),
      isHead: asked.method === "HEAD",
      timeouts: { connect: connectTimeout, firstByte: firstByteTimeout, idle: idleTimeout },
      eventSize,
      commit: (status, headers, isEventStream) =>
        rooms.commit(life, status, toClientHeaders(headers, rooms.ownHeaders), isEventStream),
      onOpen: () => consequences.succeeded(credential, target, sentAt, met),
      onResult: (result) => {
        if (result.kind === "ended") life.usage = reply.readUsage();
        settle(result);
      },
    });
    const secret = rooms.auth.peek(credential)!;
    const headers = toOutgoingHeaders(life.call, target, dialect.credentialHeader(secret));
    const path =
      target.basePath + asked.path + withoutParameters(asked.query, dialect.secretParameters);
    reply.start(
      transport.send(
        {
          method: asked.method,
          origin: target.origin,
          path: path || "/",
          headers,
          body: asked.body,
        },
        reply,
      ),
    );
    return (error) =>
      error.code === "ERR_RELAY_CLIENT_GONE"
        ? reply.abandon()
        : reply.cut(endOf(error), error.code);
  });
}

function endOf({ code }: RelayError): "timeout" | "shutdown" {
  return code === "ERR_RELAY_SHUTDOWN" ? "shutdown" : "timeout";
}

interface FailedAttempt {
  credential: string;
  sentAt: number;
  met: Cooldown | undefined;
  result: Extract<ReplyResult, { kind: "refused" | "failed" }>;
}

/** Judges a failed attempt, books what follows from it and decides the next step. */
function settleFailure(
  rooms: AttemptRooms,
  pool: Pool,
  errand: Errand,
  standing: Standing,
  attempt: FailedAttempt,
): Step {
  const { life, target } = errand;
  const { credential, sentAt, result } = attempt;
  const secret = rooms.auth.peek(credential) ?? "";
  const last = toLast(rooms, errand, result, secret);
  const { verdict } = last;
  standing.last = last;
  tellAttempt(rooms, errand, attempt, last);
  // The deadline or a shutdown cut it short: nobody is to blame, and nothing follows.
  if (life.ended) throw life.ended;
  const isShared = verdict.reason === "MODEL_CAPACITY_EXHAUSTED";
  const wanted: Wanted = {
    target,
    session: errand.session,
    excluded: [...standing.excluded, credential],
  };
  const now = rooms.clock.now();
  const around = {
    hasOther: !isShared && pool.hasAny(wanted, now),
    isOnly: pool.isOnly(credential, target),
  };
  const step = nextStep(verdict, standing.spent, around, rooms.config.limits);
  const isGrace = step.go === "same" && standing.spent.grace;
  // Capacity closes the model only when this request's tries are spent (C12); everything else at once (D7).
  const failure = { requestId: life.id, credential, target, verdict, sentAt, isGrace };
  const met =
    isShared && step.go !== "stop"
      ? undefined
      : (bookUnlessForbiddenTwice(rooms, standing, failure) ?? attempt.met);
  if (step.go === "same" || (step.go === "any" && !around.hasOther))
    standing.again = { id: credential, met };
  else standing.excluded.push(credential);
  return step;
}

// Several credentials that are refused for one request are not at fault: what was done to the first is undone (E7).
function bookUnlessForbiddenTwice(
  { consequences }: AttemptRooms,
  { forbidden }: Standing,
  failure: Parameters<Consequences["book"]>[0],
): Cooldown | undefined {
  if (failure.verdict.reason !== "FORBIDDEN" || failure.verdict.scope !== "credential")
    return consequences.book(failure);
  forbidden.add(failure.credential);
  if (forbidden.size === 1) return consequences.book(failure);
  consequences.pardon([...forbidden]);
  return undefined;
}

function toLast(
  rooms: AttemptRooms,
  { target }: Errand,
  result: FailedAttempt["result"],
  secret: string,
): LastAttempt {
  if (result.kind === "failed")
    return {
      verdict: judgeFault(result.fault),
      status: undefined,
      fault: result.fault,
      answer: undefined,
    };
  const { status, headers, body, inStream } = result;
  const verdict: Verdict = judge(
    {
      status,
      header: (name) => headers.get(name) ?? undefined,
      body: new TextDecoder().decode(body),
      endpoint: "ai",
      inStream,
      model: target.model === "*" ? undefined : target.model,
      receivedAt: rooms.clock.now(),
    },
    target.dialect,
  );
  return { verdict, status, fault: undefined, answer: { status, headers, body, secret, inStream } };
}

function tellAttempt(
  { hooks, state, clock, reporter }: AttemptRooms,
  { life, target }: Errand,
  { credential, sentAt }: FailedAttempt,
  { verdict, status }: LastAttempt,
): void {
  state.count(credential, true);
  reporter.debug(
    `request ${life.id}: attempt ${life.attempts} on ${credential} failed: ${verdict.reason} (${verdict.evidence})`,
  );
  if (!hooks.has("attempt")) return;
  hooks.emit("attempt", {
    requestId: life.id,
    attempt: life.attempts,
    credential,
    upstream: target.upstream,
    model: target.model,
    status,
    verdict,
    duration: clock.now() - sentAt,
  });
}

/** Nobody is eligible: waits where waiting is worthwhile, otherwise returns the error to end with. */
async function waitForCredential(
  rooms: AttemptRooms,
  pool: Pool,
  errand: Errand,
  standing: Standing,
): Promise<RelayError | undefined> {
  const { life, target, session } = errand;
  const now = rooms.clock.now();
  const { why, until, key } = pool.blocked({ target, session, excluded: standing.excluded }, now);
  if (
    why === "empty" ||
    why === "spent" ||
    standing.spent.attempts >= rooms.config.limits.maxAttempts
  )
    return finalError(rooms, pool, errand, standing);
  if (why === "cooling" && until - now > rooms.config.limits.maxWait)
    return limitedError(rooms, target, until, key);
  const latest = Math.min(until, now + rooms.config.limits.maxWait);
  let wakeUp = (): void => {};
  const place = rooms.waiting.enter(target.upstream, () => wakeUp());
  try {
    await life.sleep(latest, (wake) => (wakeUp = wake));
  } finally {
    place.leave();
  }
  // Whoever cooled down meanwhile may be asked again; the windows themselves still hold.
  standing.excluded.length = 0;
  const isLate = why === "busy" && rooms.clock.now() >= latest;
  return isLate
    ? new RelayError("ERR_RELAY_LIMITED", {
        ...factsOf(target),
        retryAfter: 1,
        detail: "all in use",
      })
    : undefined;
}

/** The error for a target whose credentials are all closed: which one depends on what closed them. */
function limitedError(
  { cooldowns, clock }: AttemptRooms,
  target: Target,
  until: number,
  key: Key | undefined,
): RelayError {
  const reason: Reason | undefined = key && cooldowns.get(key)?.reason;
  const facts = { ...factsOf(target), retryAfter: Math.ceil((until - clock.now()) / 1_000) };
  if (reason === "NOT_FOUND")
    return new RelayError("ERR_RELAY_MODEL_NOT_FOUND", { ...facts, retryAfter: undefined });
  if (reason === "MODEL_CAPACITY_EXHAUSTED") return new RelayError("ERR_RELAY_CAPACITY", facts);
  return new RelayError("ERR_RELAY_LIMITED", { ...facts, detail: reason });
}

function finalError(
  rooms: AttemptRooms,
  pool: Pool,
  { target, asked, session }: Errand,
  { last, excluded }: Standing,
): RelayError {
  if (!last) return new RelayError("ERR_RELAY_NO_CREDENTIAL", factsOf(target));
  const now = rooms.clock.now();
  const { until } = pool.blocked({ target, session, excluded }, now);
  return toFailure(
    last,
    target,
    asked.path,
    until === Infinity ? undefined : Math.ceil((until - now) / 1_000),
  );
}

function factsOf({ upstream, model }: Target): { upstream: string; model: string | undefined } {
  return { upstream, model: model === "*" ? undefined : model };
}
