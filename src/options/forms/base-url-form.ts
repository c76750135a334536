// Checks the form of a base URL.

const QUOTED = /^["'`\u2018-\u201f]|["'`\u2018-\u201f]$/;
const UNEXPANDED = /\$\{|^\$[A-Za-z_]|^%\w+%$|\{\{|^process\.env\b|<[\w -]+>/;
/** A host and port without a scheme. */
const BARE_HOST = /^(?:localhost|[\w-]+(?:\.[\w-]+)+|\[[\da-f:]+\])(?::\d+)?(?:\/|$)/i;

/** Returns the fault of a base URL, without showing it; `undefined` if there is none. */
export function faultOfBaseURL(url: string): string | undefined {
  if (url === "") return "must not be empty; is its environment variable set?";
  return faultOfText(url) ?? faultOfScheme(url) ?? faultOfParts(url);
}

function faultOfText(url: string): string | undefined {
  if (/^(?:undefined|null)\b/.test(url) || /\/\/(?:undefined|null)(?:[:/]|$)/.test(url))
    return "contains the text `undefined` or `null`; is its environment variable set?";
  if (QUOTED.test(url)) return "is in quotes: remove them";
  if (UNEXPANDED.test(url))
    return "contains a variable or a placeholder that was not replaced by its value";
  if (/^\s|\s$/.test(url)) return "begins or ends with a space or a line break: remove it";
  return undefined;
}

function faultOfScheme(url: string): string | undefined {
  if (/^wss?:/i.test(url))
    return "must be an absolute http(s) URL: sockets (ws://, wss://) are not relayed";
  if (BARE_HOST.test(url) || url.startsWith("//"))
    return "must be an absolute http(s) URL: add https:// (or http://)";
  if (!/^https?:\/\/[^/]/i.test(url)) return "must be an absolute http(s) URL";
  if (!URL.canParse(url))
    return "must be an absolute http(s) URL: its host or its port is not valid";
  return undefined;
}

function faultOfParts(url: string): string | undefined {
  const { username, password, port } = new URL(url);
  if (username || password) return "must not contain a credential";
  if (port === "0") return "has the port 0, which is not valid";
  if (/[?#]/.test(url)) return "must not have a query or a fragment";
  if (/\/\/|\\|\s/.test(url.slice(8)))
    return "must not have an empty segment, a backslash or a space in its path";
  return undefined;
}
