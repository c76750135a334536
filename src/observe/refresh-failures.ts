// Why a token could not be had, in the words of the log: what happened, and what to check.

const WORDS: Readonly<Record<string, string>> = {
  NETWORK: "the token endpoint could not be reached",
  TIMEOUT: "the token endpoint did not answer in time",
  INVALID_ANSWER:
    "no token was in the answer: check the address of the token endpoint, or what the token function returns",
  EXPIRED: "the new token has expired already: check the clock of this machine",
  SAME: "the new token is the one that was refused",
  OTHER_ACCOUNT: "the new token belongs to another account",
  SOURCE: "the token function failed",
  STORE: "the store cannot be read or locked now",
  UNSURE:
    "the refresh token may have been used by an instance that ended before it stored the next one",
};

/** The line for a refresh that failed. `cause` names the error of the operator's own function; `next` is put behind. */
export function describeRefreshFailure(
  credential: string,
  reason: string,
  cause: string | undefined,
  next: string,
): string {
  const words = Object.hasOwn(WORDS, reason) ? `, ${WORDS[reason]}` : "";
  return `the token of ${credential} could not be refreshed: ${reason}${words}${cause ? `: ${cause}` : ""}${next}`;
}
