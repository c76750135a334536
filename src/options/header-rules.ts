// Which headers no option may touch, by the direction they go in.

/** Towards an upstream: a client's rights and address, and what belongs to one connection, are never passed on (N2). */
export const NEVER_PASSED: RegExp =
  /^(?:authorization|cookie2?|host|origin|referer|connection|keep-alive|te|trailer|upgrade|expect|content-length|content-encoding|transfer-encoding|accept-encoding|user-agent|forwarded|via|(?:x-forwarded|proxy|cf|sec|fly|fastly)-.*|(?:.*-)?(?:real|client|connecting)-ip|(?:.*-)?(?:api-key|auth-token|access-token))$/i;

/** Towards an upstream: what its transport sets. */
export const TRANSPORT_OWN: RegExp =
  /^(?:host|connection|keep-alive|te|trailer|upgrade|expect|content-length|content-encoding|transfer-encoding|accept-encoding|proxy-.*)$/i;

/** Towards a client: what has a meaning of its own in an answer, and cannot carry a fact of ours. */
export const ANSWER_OWN: RegExp =
  /^(?:(?:content|access-control|transfer|proxy)-.*|connection|keep-alive|trailer|upgrade|set-cookie|cache-control|retry-after|allow|vary|x-should-retry|x-accel-buffering)$/i;
