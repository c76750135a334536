// Log lines for failed token refreshes: what happened, and what to check.

const WORDS: Readonly<Record<string, string>> = {
  NETWORK: "the token endpoint could not be reached",
  TIMEOUT: "the token endpoint did not answer in time",
  INVALID_ANSWER:
    "the response contained no token: check the address of the token endpoint, or what the token function returns",
  EXPIRED: "the new token has already expired: check the clock of this machine",
  SAME: "the new token is the same as the refused one",
  OTHER_ACCOUNT: "the new token belongs to another account",
  SOURCE: "the token function failed",
  STORE: "the state store cannot be read or locked",
  STORE_LAGS:
    "the state store does not return at once what is written, so that two instances could send one rotating refresh token: use Redis, SQL or files, or set `instances: 1` if this is the only instance",
  UNSURE:
    "the refresh token may have been used by an instance that ended before it stored the next one",
};

/** The log line for a failed refresh. `cause` names the error of the operator's own function; `next` is appended. */
export function describeRefreshFailure(
  credential: string,
  reason: string,
  cause: string | undefined,
  next: string,
): string {
  const words = Object.hasOwn(WORDS, reason) ? `, ${WORDS[reason]}` : "";
  return `the token of ${credential} could not be refreshed: ${reason}${words}${cause ? `: ${cause}` : ""}${next}`;
}
