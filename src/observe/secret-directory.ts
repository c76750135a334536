// The secrets of credentials by their ids, for what belongs to no request: log lines, events and the status (J7).
import type { Log } from "../contract/log.ts";
import { LazyRedactor } from "./lazy-redactor.ts";
import { REDACTED } from "./redact.ts";

/** Finds the secrets of a credential by its id; none for any other text. */
export type SecretLookup = (id: string) => Iterable<string>;

/** Most words of an id that is found in a line. */
const WORDS = 4;
/** User and password in a URL. */
const URL_USER = /(?<=:\/\/)[^\s/@"'<>]{1,256}@/g;
/** Texts that look like a secret of the operator or of the caller. */
const SECRET_LIKE =
  /\b(?:Bearer|Basic)\s+[^\s,;"']+|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|\b(?:sk|pk|rk|key|ghp|xox[abp])[-_][\w-]{8,}|(?<=:\/\/)[^\s/@]+@|(?<=[?&][\w-]*(?:key|token|secret|password|signature)=)[^\s&#"']+/gi;

/** Hides what looks like a secret, where it is not known which secrets a text may quote. */
export function hideSecretLike(text: string): string {
  return text.replace(SECRET_LIKE, REDACTED);
}

/** Tokens that no configuration knows: those that a token endpoint has just created. */
const TOKEN_LIKE =
  /\beyJ[\w-]{8,}[\w.-]*|\b(?:sk|pk|rk|gsk)[-_][\w-]{16,}|\b(?:AIza|ya29\.)[\w.-]{16,}/g;

/** Hides what looks like a token in a code of a token endpoint or of a source. */
export function hideTokenLike(text: string): string {
  return text.replace(TOKEN_LIKE, REDACTED);
}

export class SecretDirectory {
  readonly #shared: readonly string[];
  readonly #lookups: SecretLookup[] = [];

  /** `shared`: secrets that belong to no credential. */
  constructor(shared: readonly string[]) {
    this.#shared = shared;
  }

  /** Adds a place where the secrets of credentials are found. */
  add(lookup: SecretLookup): void {
    this.#lookups.push(lookup);
  }

  /** Hides the secrets of some credentials, those that belong to none, and more. */
  redactorOf(ids: readonly string[], also: readonly string[] = []): LazyRedactor {
    const named = ids.flatMap((id) => this.#secretsOf(id));
    return new NamedSecrets([...this.#shared, ...named, ...also]);
  }

  /** Hides the secrets of the credentials that a line names, and the user of a URL. */
  hideInLine(line: string): string {
    return hideURLUser(this.redactorOf(idsIn(line)).hide(line));
  }

  #secretsOf(id: string): string[] {
    return this.#lookups.flatMap((lookup) => [...lookup(id)]);
  }
}

class NamedSecrets extends LazyRedactor {
  readonly #secrets: readonly string[];

  constructor(secrets: readonly string[]) {
    super();
    this.#secrets = secrets;
  }

  override list(): readonly string[] {
    return this.#secrets;
  }
}

export function hideURLUser(text: string): string {
  return text.includes("://") ? text.replace(URL_USER, `${REDACTED}@`) : text;
}

/** A logger that gets no secret of the credentials that its lines name. */
export function redactingLog(log: Log, secrets: Pick<SecretDirectory, "hideInLine">): Log {
  return {
    get level() {
      return log.level;
    },
    debug: (message) => log.debug(secrets.hideInLine(message)),
    info: (message) => log.info(secrets.hideInLine(message)),
    warn: (message) => log.warn(secrets.hideInLine(message)),
    error: (message) => log.error(secrets.hideInLine(message)),
  };
}

/** What may be an id in a line: each run of up to four words, as it is and without punctuation around it. */
function idsIn(line: string): string[] {
  const words = line.split(" ");
  const ids = new Set<string>();
  for (let from = 0; from < words.length; from++)
    for (let count = 1; count <= WORDS && from + count <= words.length; count++) {
      const id = words.slice(from, from + count).join(" ");
      ids.add(id).add(id.replace(/^["'`(]+|["'`),.:;]+$/g, ""));
    }
  return [...ids];
}
