// What a base URL must look like, and what is wrong with one that does not.

const QUOTED = /^["'`\u2018-\u201f]|["'`\u2018-\u201f]$/;
const UNEXPANDED = /\$\{|^\$[A-Za-z_]|^%\w+%$|\{\{|^process\.env\b|<[\w -]+>/;
/** A host and what follows it, without a scheme. */
const BARE_HOST = /^(?:localhost|[\w-]+(?:\.[\w-]+)+|\[[\da-f:]+\])(?::\d+)?(?:\/|$)/i;

/** Says what is wrong with a base URL, without showing it; `undefined` where nothing is. */
export function faultOfBaseURL(url: string): string | undefined {
  if (url === "") return "must not be empty; is its environment variable set?";
  return faultOfText(url) ?? faultOfScheme(url) ?? faultOfParts(url);
}

function faultOfText(url: string): string | undefined {
  if (/^(?:undefined|null)\b/.test(url) || /\/\/(?:undefined|null)(?:[:/]|$)/.test(url))
    return "holds the text `undefined` or `null`, which an unset variable becomes; is its environment variable set?";
  if (QUOTED.test(url)) return "is in quotes: remove them";
  if (UNEXPANDED.test(url))
    return "holds a variable or a placeholder that was not replaced by its value";
  if (/^\s|\s$/.test(url)) return "has a space or a line break before or behind it: remove it";
  return undefined;
}

function faultOfScheme(url: string): string | undefined {
  if (/^wss?:/i.test(url))
    return "must be an absolute http(s) URL: sockets (ws://, wss://) are not relayed";
  if (BARE_HOST.test(url) || url.startsWith("//"))
    return "must be an absolute http(s) URL: put https:// (or http://) before it";
  if (!/^https?:\/\/[^/]/i.test(url)) return "must be an absolute http(s) URL";
  if (!URL.canParse(url))
    return "must be an absolute http(s) URL: its host or its port is not valid";
  return undefined;
}

function faultOfParts(url: string): string | undefined {
  const { username, password, port } = new URL(url);
  if (username || password) return "must not carry a credential";
  if (port === "0") return "has the port 0, on which nothing listens";
  if (/[?#]/.test(url)) return "must have no query and no fragment";
  if (/\/\/|\\|\s/.test(url.slice(8))) return "must have no empty segment in its path";
  return undefined;
}
