/** What every official client must see through a relay with only its base URL changed; run by one file per set of clients. */
import type { DialectName } from "../../src/options/upstream-types.ts";
import type { Behaviour, Simulator } from "../../simulator/index.ts";
import type { Driver } from "./driver.ts";
import type { Seen, Target } from "./checks/check.ts";
import type { ClientName } from "./checks/index.ts";
import { createSimulator } from "../../simulator/index.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  makeCredentials,
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

const TEXT = ["Grüße", " aus ", "東京 🚀"];
const WHOLE = TEXT.join("");
const CLIENT_KEY = "the-clients-own-key";
const HOURS = 5 * 3_600_000;

interface ClientSpec {
  dialect: DialectName;
  /** The path of the upstream's base URL. */
  version: string;
  /** Checks that yield the complete text, and whether they stream. */
  whole: { check: string; seen: Partial<Seen> }[];
  streamed: string[];
  listed: { check: string; name: string }[];
  /** Classes of the errors that the client throws. */
  errors: { limited: string; unavailable: string; unauthorized: string; rejected: string };
  /** Reads `code` and `message` of the relay's error from the thrown one. */
  readsCode: boolean;
  /** How a client reports that its own user aborted it: it throws, or just ends. */
  throwsOnAbort: boolean;
  /** Whether an error event in the middle of a stream is reported, and as what. */
  errorInStream: string | undefined;
  /** Whether the client obeys `x-should-retry: false`, and whether it retries at all. */
  obeys: boolean;
}

const SPECS: Record<ClientName, ClientSpec> = {
  openai: {
    dialect: "openai",
    version: "/v1",
    whole: [
      { check: "chat", seen: { finish: "stop", outputTokens: 3 } },
      { check: "response", seen: { outputTokens: 3 } },
    ],
    streamed: ["streamedChat", "streamedResponse"],
    listed: [
      { check: "models", name: "gpt-5" },
      { check: "embeddings", name: "number" },
    ],
    errors: {
      limited: "RateLimitError",
      unavailable: "InternalServerError",
      unauthorized: "AuthenticationError",
      rejected: "BadRequestError",
    },
    readsCode: true,
    throwsOnAbort: false,
    errorInStream: "APIError",
    obeys: true,
  },
  anthropic: {
    dialect: "anthropic",
    version: "",
    whole: [{ check: "message", seen: { finish: "end_turn", outputTokens: 3 } }],
    streamed: ["streamedMessage", "streamedFinalMessage"],
    listed: [
      { check: "models", name: "claude-simulated" },
      { check: "countedTokens", name: "number" },
    ],
    errors: {
      limited: "RateLimitError",
      unavailable: "ServiceUnavailableError",
      unauthorized: "AuthenticationError",
      rejected: "BadRequestError",
    },
    readsCode: false,
    throwsOnAbort: false,
    errorInStream: "APIError",
    obeys: true,
  },
  google: {
    dialect: "google",
    version: "",
    whole: [{ check: "content", seen: { finish: "STOP", outputTokens: 3 } }],
    streamed: ["streamedContent"],
    listed: [{ check: "models", name: "models/gemini-2.5-pro" }],
    errors: {
      limited: "ApiError",
      unavailable: "ApiError",
      unauthorized: "ApiError",
      rejected: "ApiError",
    },
    readsCode: false,
    throwsOnAbort: true,
    errorInStream: undefined,
    obeys: true,
  },
  ai: {
    dialect: "openai",
    version: "/v1",
    whole: [{ check: "text", seen: { finish: "stop", outputTokens: 3 } }],
    streamed: ["streamedText"],
    listed: [],
    errors: {
      limited: "APICallError",
      unavailable: "APICallError",
      unauthorized: "APICallError",
      rejected: "APICallError",
    },
    readsCode: false,
    throwsOnAbort: false,
    errorInStream: "",
    obeys: false,
  },
};

/** Registers the contract for all clients that a driver runs. */
export function clientsContract(title: string, startDriver: () => Promise<Driver>): void {
  let driver: Driver;
  beforeAll(async () => void (driver = await startDriver()));
  afterAll(() => driver?.close());
  for (const client of Object.keys(SPECS) as ClientName[])
    describe(`${title}: ${client}`, () => clientContract(client, () => driver));
}

function clientContract(client: ClientName, driver: () => Driver): void {
  const spec = SPECS[client];
  let upstream: Simulator;
  let relay: RelayUnderTest;

  beforeEach(async () => {
    upstream = await createSimulator({ keys: { c1: secretOf("c1"), c2: secretOf("c2") } });
    play({ text: TEXT });
  });
  afterEach(async () => {
    await relay?.close();
    await upstream.close();
  });

  function play(behaviour: Behaviour): void {
    upstream.script({ then: behaviour });
  }

  async function start(options: UnderTestOptions = {}): Promise<void> {
    relay = await startRelay({
      keep: upstream,
      credentials: makeCredentials(2),
      upstream: { baseURL: upstream.url + spec.version, dialect: spec.dialect },
      ...options,
    });
  }

  function run(check: string, target: Partial<Target> = {}): Promise<Seen> {
    return driver().run(client, check, { baseURL: relay.url, apiKey: CLIENT_KEY, ...target });
  }

  for (const { check, seen } of spec.whole)
    it(`L6 N2 ${check}: gets a complete answer, with the relay's credential`, async () => {
      await start();
      expect(await run(check)).toEqual({ text: WHOLE, ...seen });
      expect(upstream.ledger.calls.map(({ secret }) => secret)).toEqual([secretOf("c1")]);
      expect(JSON.stringify(upstream.ledger.last()!.headers)).not.toContain(CLIENT_KEY);
    });

  for (const check of spec.streamed)
    it(`L6 ${check}: streams the complete text`, async () => {
      await start();
      expect(await run(check)).toMatchObject({ text: WHOLE });
      expect(upstream.ledger.last()).toMatchObject({ credential: "c1", stream: true, events: 3 });
      expect((await relay.ended()).reason).toBe("completed");
    });

  for (const { check, name } of spec.listed)
    it(`L6 L7 ${check}: is answered`, async () => {
      await start();
      expect((await run(check)).names).toContain(name);
    });

  for (const check of ["refused", "refusedStream"])
    it(`L6 E3 ${check}: throws the client's own error class for a limit, with status and message`, async () => {
      await start();
      play({ refuse: { kind: "quota", wait: HOURS } });
      const { error } = await run(check, { maxRetries: 0 });
      expect(error).toMatchObject({ name: spec.errors.limited, status: 429 });
      expect(error!.message).toMatch(
        /All credentials are limited.*: 2 (?:quota exhausted|without credit); retry in \d+ /,
      );
      if (spec.readsCode) expect(error!.code).toBe("ERR_RELAY_LIMITED");
      expect(relay.ends).toHaveLength(1);
    });

  if (spec.obeys)
    it("L6 E3 sends one request for a final refusal, with its default number of retries", async () => {
      await start();
      play({ refuse: { kind: "quota", wait: HOURS } });
      await run("refused");
      await run("refusedStream");
      expect(relay.ends).toHaveLength(2);
      expect(upstream.ledger.calls).toHaveLength(2);
    });

  it("L6 A14 throws the client's own error class where no credential is available", async () => {
    await start();
    relay.relay.credentials.disable("c1");
    relay.relay.credentials.disable("c2");
    const { error } = await run("refused", spec.obeys ? {} : { maxRetries: 0 });
    expect(error).toMatchObject({ name: spec.errors.unavailable, status: 503 });
    expect(error!.message).toContain(": 2 disabled (by an operator).");
    if (spec.readsCode) expect(error!.code).toBe("ERR_RELAY_NO_CREDENTIAL");
    expect(relay.ends).toHaveLength(1);
  });

  it("L6 N7 throws the client's own error class where the caller is not authorized", async () => {
    await start({ authorize: () => false });
    const { error } = await run("refused");
    expect(error).toMatchObject({ name: spec.errors.unauthorized, status: 401 });
    expect(error!.message).toContain(
      "Not authorized: the relay's `authorize` function rejected the request.",
    );
    if (spec.readsCode) expect(error!.code).toBe("ERR_RELAY_UNAUTHORIZED");
  });

  it("L6 E5 throws the upstream's own error for an invalid request", async () => {
    await start();
    play({ refuse: { kind: "bad-request", message: "temperature is not a colour" } });
    const { error } = await run("refused");
    expect(error).toMatchObject({ name: spec.errors.rejected, status: 400 });
    expect(error!.message).toContain("temperature is not a colour");
    expect(upstream.ledger.calls).toHaveLength(1);
  });

  it("L6 I2 I3 keeps the events before an interruption, and reports the error where it can", async () => {
    await start();
    play({ text: TEXT, cut: { afterEvents: 2 } });
    const { text, error } = await run(spec.streamed[0]!);
    expect(text).toBe(TEXT.slice(0, 2).join(""));
    if (spec.errorInStream === undefined) return;
    expect(error!.message).toContain("closed the connection in the middle of its response");
    if (spec.errorInStream) expect(error!.name).toBe(spec.errorInStream);
    if (spec.readsCode) expect(error!.code).toBe("ERR_RELAY_TRUNCATED");
    expect(upstream.ledger.calls).toHaveLength(1);
  });

  it("L6 I4 closes the call to the upstream when its user aborts in the middle of a stream", async () => {
    await start();
    play({ text: TEXT, stall: { afterEvents: 1 } });
    const { text, error } = await run("aborted");
    const call = upstream.ledger.last()!;
    await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expect(text).toBe(TEXT[0]);
    expect(error?.name).toBe(spec.throwsOnAbort ? "DOMException" : undefined);
    expect(call.end).toBe("client closed");
    expect((await relay.ended()).reason).toBe("client_gone_mid");
  });
}
