// Who is to blame for refusals that state no wait: the credential, or the request that met them (D11).
import type { Key } from "../contract/credential.ts";
import { setBounded } from "../shared/bounded-map.ts";
import type { Reason } from "../contract/verdict.ts";

/** A refusal without a stated wait that has closed a key, or has met it closed. */
export interface Refused {
  request: string;
  reason: Reason;
  credential: string;
  pool: string;
  family: string;
  /** What it closed. */
  key: Key;
  openedAt: number;
  /** False where the key was closed already. */
  isFirst: boolean;
  sentAt: number;
}

export interface Served {
  request: string;
  credential: string;
  pool: string;
  family: string;
  sentAt: number;
}

/** Cooldowns that were not the credentials' fault. */
export interface Correction {
  request: string;
  /** `model`: they serve, but not this family; what closed them for everything was too wide. */
  blamed: "request" | "model";
  closed: { key: Key; openedAt: number; credential: string; pool: string; family: string }[];
  reason: Reason;
}

interface Suspect extends Refused {
  incident: Incident;
  proof: "request" | "model" | undefined;
}

/** One request, refused for one reason. */
interface Incident {
  name: string;
  suspects: Suspect[];
}

/** How long a refusal may still be explained otherwise, and two families point at their credential. */
const WINDOW = 60_000;
/** Suspects remembered of one credential. */
const SUSPECTS = 8;
/** Credentials with suspects, and requests, remembered at most. */
const LIMIT = 10_000;

export class Attribution {
  /** By credential, the latest last. */
  readonly #suspects = new Map<string, Suspect[]>();
  /** By request. */
  readonly #incidents = new Map<string, Incident>();
  /** Who was served last by each credential. There are no more of these than credentials. */
  readonly #served = new Map<string, Served>();

  /** To see that what comes from outside stays bounded. */
  get sizes(): { suspects: number; incidents: number } {
    return { suspects: this.#suspects.size, incidents: this.#incidents.size };
  }

  /** Notes a refusal. Returns what is undone where others have been served since already. */
  refused(refused: Refused, now: number): Correction | undefined {
    const { credential, request, reason } = refused;
    const known = this.#of(credential, now);
    for (const suspect of known)
      if (isSameKey(suspect.key, refused.key))
        // Refused again: what is to speak for the credential must have been sent after this one too.
        [suspect.sentAt, suspect.proof] = [Math.max(suspect.sentAt, refused.sentAt), undefined];
    if (!refused.isFirst) return undefined;
    const name = `${request}\n${reason}`;
    const incident = this.#incidents.get(name) ?? { name, suspects: [] };
    remember(this.#incidents, name, incident);
    const suspect: Suspect = { ...refused, incident, proof: undefined };
    incident.suspects.push(suspect);
    remember(this.#suspects, credential, [...known, suspect].slice(-SUSPECTS));
    const served = this.#served.get(credential);
    if (served) suspect.proof = proofOf(suspect, served);
    return this.#settle(incident, now);
  }

  /** Notes a first payload. Returns what is undone by it. */
  served(served: Served, now: number): Correction | undefined {
    this.#note(served);
    if (this.#suspects.size === 0) return undefined;
    for (const suspect of this.#of(served.credential, now)) {
      suspect.proof ??= proofOf(suspect, served);
      const undoing = suspect.proof && this.#settle(suspect.incident, now);
      if (undoing) return undoing;
    }
    return undefined;
  }

  /**
   * Returns the other family that the same credential was refused for just before, where both together point at the
   * credential; `undefined` where there is none, or a third family was served meanwhile.
   */
  secondFamily(
    { credential, pool, family }: Refused,
    isOnePool: boolean,
    now: number,
  ): string | undefined {
    const first = this.#of(credential, now).find(
      (it) => it.key.family !== "*" && it.family !== family && (isOnePool || it.pool !== pool),
    );
    const served = this.#served.get(credential);
    const isThird = served && served.family !== family && served.family !== first?.family;
    return first && isThird && served.sentAt > first.sentAt ? undefined : first?.family;
  }

  #of(credential: string, now: number): Suspect[] {
    const suspects = this.#suspects.get(credential);
    if (!suspects) return [];
    const young = suspects.filter((suspect) => isYoung(suspect, now));
    if (young.length === 0) this.#suspects.delete(credential);
    else if (young.length < suspects.length) this.#suspects.set(credential, young);
    return young;
  }

  #settle({ name, suspects }: Incident, now: number): Correction | undefined {
    const isProven = suspects.every((it) => it.proof && isYoung(it, now));
    if (!isProven || new Set(suspects.map(({ credential }) => credential)).size < 2)
      return undefined;
    this.#incidents.delete(name);
    for (const suspect of suspects) this.#forget(suspect);
    const blamed = suspects.some(({ proof }) => proof === "model") ? "model" : "request";
    const { request, reason } = suspects[0]!;
    return { request, reason, blamed, closed: suspects };
  }

  #forget(suspect: Suspect): void {
    const rest = this.#suspects.get(suspect.credential)?.filter((it) => it !== suspect) ?? [];
    if (rest.length === 0) this.#suspects.delete(suspect.credential);
    else this.#suspects.set(suspect.credential, rest);
  }

  #note(served: Served): void {
    const known = this.#served.get(served.credential);
    if (!known || known.sentAt <= served.sentAt) this.#served.set(served.credential, served);
  }
}

function isYoung({ openedAt }: Refused, now: number): boolean {
  return now - openedAt < WINDOW;
}

function proofOf(suspect: Suspect, served: Served): Suspect["proof"] {
  if (served.request === suspect.request) return undefined;
  const isSame = served.family === suspect.family && served.pool === suspect.pool;
  // A limit lets through what came before it; what it never was may have served just before as well.
  const since = suspect.reason === "UNKNOWN" ? suspect.openedAt - WINDOW : suspect.sentAt;
  if (served.sentAt <= since) return undefined;
  if (isSame) return "request";
  return suspect.key.family === "*" ? "model" : undefined;
}

function isSameKey(a: Key, b: Key): boolean {
  return (
    a.credential === b.credential &&
    a.upstream === b.upstream &&
    a.pool === b.pool &&
    a.family === b.family
  );
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  setBounded(map, key, value, LIMIT);
}
