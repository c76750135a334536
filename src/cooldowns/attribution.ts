// Which of the two caused refusals that state no wait: the credential, or the request (D11).
import type { Key } from "../contract/credential.ts";
import { setBounded } from "../shared/bounded-map.ts";
import type { Reason } from "../contract/verdict.ts";

/** A refusal without a stated wait that has closed a key, or has met a closed one. */
export interface Refused {
  request: string;
  reason: Reason;
  credential: string;
  pool: string;
  family: string;
  /** The closed key. */
  key: Key;
  openedAt: number;
  /** False if the key was closed already. */
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

/** Cooldowns of which the credentials were not the cause. */
export interface Correction {
  request: string;
  /** `model`: the credentials serve other models, but not this family; closing them for every model was too wide. */
  blamed: "request" | "model";
  closed: { key: Key; openedAt: number; credential: string; pool: string; family: string }[];
  reason: Reason;
}

interface Suspect extends Refused {
  incident: Incident;
  proof: "request" | "model" | undefined;
}

/** The refusals of one request for one reason. */
interface Incident {
  name: string;
  suspects: Suspect[];
}

/** How long after a refusal another cause may show, and two refused families point at their credential, in ms. */
const WINDOW = 60_000;
/** Maximum number of refusals that are kept for one credential. */
const SUSPECTS = 8;
/** Maximum number of credentials with refusals, and of requests. */
const LIMIT = 10_000;

export class Attribution {
  /** By credential, the latest last. */
  readonly #suspects = new Map<string, Suspect[]>();
  /** By request. */
  readonly #incidents = new Map<string, Incident>();
  /** The last request that each credential has served; at most one for each credential. */
  readonly #served = new Map<string, Served>();

  /** Numbers of entries; they depend on clients, and must stay bounded. */
  get sizes(): { suspects: number; incidents: number } {
    return { suspects: this.#suspects.size, incidents: this.#incidents.size };
  }

  /** Notes a refusal. Returns what must be corrected if other requests have been served since. */
  refused(refused: Refused, now: number): Correction | undefined {
    const { credential, request, reason } = refused;
    const known = this.#of(credential, now);
    for (const suspect of known)
      if (isSameKey(suspect.key, refused.key))
        // Refused again: only a success that was sent after this refusal counts for the credential.
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

  /** Notes a first payload. Returns what must be corrected because of it. */
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
   * Returns the other family for which the same credential was refused just before, if both together point at the
   * credential; `undefined` if there is none, or a third family was served meanwhile.
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
  // A request that was sent before a limit was reached may succeed after the refusal; an UNKNOWN refusal may be no limit at all.
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
