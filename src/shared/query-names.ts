// Names of the parameters in a query, as lenient servers read them.
/** Query parameters with which some servers replace the method of a request, in lower case without `-`, `_`, `.` and `$`. */
const METHOD_NAMES: ReadonlySet<string> = new Set([
  "httpmethod",
  "httpmethodoverride",
  "xhttpmethod",
  "xhttpmethodoverride",
  "xmethodoverride",
  "methodoverride",
]);

/** True where a query names a method that a server may use instead of the request's own (`_method=DELETE`). */
export function overridesMethod(query: string): boolean {
  if (!/method|%/i.test(query)) return false;
  return query
    .slice(1)
    .split(/[&;]/)
    .map(parameterName)
    .some((name) => name === "_method" || METHOD_NAMES.has(name.replace(/[-_.$]/g, "")));
}

/** The name of one parameter (`a=b`), in lower case. Decoded as far as it is valid: a lenient server reads `%6Bey%` as a key, too. */
export function parameterName(pair: string): string {
  const [name = ""] = pair.split("=", 1);
  return decodeOnce(name.replaceAll("+", " ")).trim().toLowerCase();
}

/** Replaces percent-encodings by characters, byte by byte, and leaves what is invalid. */
export function decodeOnce(text: string): string {
  return text.replace(/%[\da-f]{2}/gi, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
}
