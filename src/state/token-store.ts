/** Tokens and refresh intents, sealed at rest, and written back to a store that was emptied (G7, G8, M3, M4, N1). */
import type { IntentRecord, TokenRecord } from "../contract/records.ts";
import type { TokenStore, UnsettledIntent } from "../contract/state.ts";
import { createSemaphore } from "../shared/semaphore.ts";
import { createKnownRecords } from "./records/known-records.ts";
import { type GenerationRecord, RecordRing, type RingDeps } from "./records/record-ring.ts";
import { INTENT, type SealedToken, TOKEN } from "./records/token-kinds.ts";
import type { Seal } from "./secrets/seal.ts";
import type { ClockOffset } from "./store/clock-offset.ts";

export interface TokenStoreDeps extends RingDeps {
  seal: Seal;
  clockOffset: Pick<ClockOffset, "offset">;
}

/** Tokens that can be written back into a store that was emptied. */
export interface KeptTokens extends TokenStore {
  /** Stores the newest known tokens and intents that are missing. Rejects when it cannot. */
  writeBack(isRemoved: (credential: string) => Promise<boolean>): Promise<void>;
}

const WRITTEN_BACK_AT_ONCE = 32;

export function createTokenStore(deps: TokenStoreDeps): KeptTokens {
  return new SealedTokenStore(deps);
}

class SealedTokenStore implements KeptTokens {
  readonly #deps: TokenStoreDeps;
  readonly #tokens: RecordRing<SealedToken>;
  readonly #intents: RecordRing<IntentRecord>;
  /** By credential, as they are stored. */
  readonly #knownTokens = createKnownRecords(laterOf<SealedToken>);
  readonly #knownIntents = createKnownRecords(laterOf<IntentRecord>);

  constructor(deps: TokenStoreDeps) {
    this.#deps = deps;
    this.#tokens = new RecordRing(deps, TOKEN);
    this.#intents = new RecordRing(deps, INTENT);
  }

  async read(credential: string): Promise<TokenRecord | undefined> {
    const records = await this.#tokens.read(credential);
    const newest = records.toSorted((a, b) => b.generation - a.generation)[0];
    if (!newest) return undefined;
    this.#knownTokens.note(credential, newest);
    return this.#reporting(() => this.#open(newest));
  }

  async write(record: TokenRecord): Promise<void> {
    const sealed = await this.#reporting(() => this.#seal(record));
    await this.#tokens.write(sealed);
    this.#knownTokens.note(record.credential, sealed);
  }

  async intents(credential: string): Promise<UnsettledIntent[]> {
    const [intents, tokens] = await Promise.all([
      this.#intents.readAll(credential),
      this.#tokens.readAll(credential),
    ]);
    const newest = Math.max(0, ...tokens.records.map(({ generation }) => generation));
    // A token is written after its call was answered, and only the last write can be torn.
    const wasAnswered = tokens.torn.length > 0;
    const unsettled = intents.records
      .filter(({ generation }) => generation > newest)
      .toSorted((a, b) => a.generation - b.generation)
      .map((intent) => ({ ...intent, wasAnswered }));
    if (unsettled.length > 0 || !wasAnswered || intents.torn.length === 0) return unsettled;
    // Both the intent and its token are torn.
    return [{ credential, generation: newest + 1, tokenHash: "", writtenAt: 0, wasAnswered }];
  }

  async forgetTornIntents(credential: string): Promise<void> {
    await this.#intents.clear((await this.#intents.readAll(credential)).torn);
  }

  async writeIntent(record: IntentRecord): Promise<void> {
    await this.#intents.write(record);
    this.#knownIntents.note(record.credential, record);
  }

  async writeBack(isRemoved: (credential: string) => Promise<boolean>): Promise<void> {
    const semaphore = createSemaphore(WRITTEN_BACK_AT_ONCE);
    const write = async (credential: string, token: SealedToken): Promise<void> => {
      if (!(await isRemoved(credential))) await this.#tokens.writeMissing(token);
    };
    const none = new Map<string, never>();
    await Promise.all(
      this.#knownTokens
        .missingFrom(none)
        .map(([id, token]) => semaphore.run(() => write(id, token))),
    );
    for (const [credential, intent] of this.#knownIntents.missingFrom(none)) {
      // The refresh has ended: its token is stored.
      if ((this.#knownTokens.get(credential)?.generation ?? -1) >= intent.generation) continue;
      if (!(await isRemoved(credential))) await this.#intents.writeMissing(intent);
    }
  }

  async forget(credential: string): Promise<void> {
    this.#knownTokens.drop(credential);
    this.#knownIntents.drop(credential);
    await Promise.all([this.#tokens.remove(credential), this.#intents.remove(credential)]);
  }

  async #seal({ accessToken, refreshToken, ...open }: TokenRecord): Promise<SealedToken> {
    const { seal, clockOffset } = this.#deps;
    const text = JSON.stringify({ accessToken, refreshToken });
    const secrets = await seal.seal(text, placeOf(open));
    return { ...shiftTimes(open, clockOffset.offset()), secrets };
  }

  async #open({ secrets, ...open }: SealedToken): Promise<TokenRecord> {
    const { seal, clockOffset } = this.#deps;
    const { accessToken, refreshToken } = JSON.parse(
      await seal.open(secrets, placeOf(open)),
    ) as Pick<TokenRecord, "accessToken" | "refreshToken">;
    return { ...shiftTimes(open, -clockOffset.offset()), accessToken, refreshToken };
  }

  async #reporting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#deps.faults.report("token", undefined, error);
      throw error;
    }
  }
}

/** Binds sealed secrets to their record: they open for no other. */
function placeOf({ credential, generation }: GenerationRecord): string {
  return `token ${credential} ${generation}`;
}

/** Converts the times of a record to a clock that is `ahead` ms ahead of the present one (K12). */
function shiftTimes<T extends Pick<TokenRecord, "expiresAt" | "issuedAt" | "writtenAt" | "skew">>(
  record: T,
  ahead: number,
): T {
  if (ahead === 0) return record;
  const { expiresAt, issuedAt, writtenAt, skew } = record;
  const shift = (at: number): number => Math.max(0, at + ahead);
  return {
    ...record,
    expiresAt: expiresAt === undefined ? undefined : shift(expiresAt),
    issuedAt: shift(issuedAt),
    writtenAt: shift(writtenAt),
    skew: skew === undefined ? undefined : skew - ahead,
  };
}

function laterOf<R extends GenerationRecord>(a: R, b: R): R {
  return b.generation > a.generation ? b : a;
}
