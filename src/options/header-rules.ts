// Headers that no option may change, by direction.

/**
 * Client to upstream: a client's credentials and address, headers of one connection, and headers that replace method or path, never
 * pass (N2, N13).
 */
export const NEVER_PASSED: RegExp =
  /^(?:authorization|cookie2?|host|origin|referer|x-(?:http-)?method(?:-override)?|x-(?:original|rewrite)-(?:url|uri|path|method)|connection|keep-alive|te|trailer|upgrade|expect|content-length|content-encoding|transfer-encoding|accept-encoding|user-agent|forwarded|via|(?:x-forwarded|proxy|cf|sec|fly|fastly)-.*|(?:.*-)?(?:real|client|connecting)-ip|(?:.*-)?(?:api-key|auth-token|access-token))$/i;

/** Relay to upstream: headers that the transport sets. */
export const TRANSPORT_OWN: RegExp =
  /^(?:host|connection|keep-alive|te|trailer|upgrade|expect|content-length|content-encoding|transfer-encoding|accept-encoding|proxy-.*)$/i;

/** Upstream to client: headers of one connection, cookies, CORS, and headers that the relay sets itself, never pass (N11). */
export const NEVER_RETURNED: RegExp =
  /^(?:connection|keep-alive|te|trailer|upgrade|status|content-length|content-encoding|transfer-encoding|(?:proxy|access-control)-.*|set-cookie2?|content-security-policy|x-content-type-options)$/i;

/** Relay to client: headers that have a meaning of their own and cannot carry a value of the relay. */
export const ANSWER_OWN: RegExp =
  /^(?:(?:content|access-control|transfer|proxy)-.*|connection|keep-alive|trailer|upgrade|set-cookie|cache-control|retry-after|allow|vary|x-should-retry|x-accel-buffering)$/i;
