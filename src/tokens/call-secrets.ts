// The secrets that one call to a token endpoint has sent: its refusal is classified without them, so that no log, hook or status shows one.
import { LazyRedactor } from "../observe/lazy-redactor.ts";
import { asFields, parseJson } from "../shared/json.ts";

/** Names of parameters, headers and fields whose values are secrets; `token_type` is none. */
const SECRET_NAME = /(?:auth|key|token|secret|cookie|passw|assertion|code)(?!.*type)/i;

/** What a call has sent. */
interface SentCall {
  url: string;
  headers?: Record<string, string> | undefined;
  body: string;
}

export class CallSecrets extends LazyRedactor {
  readonly #call: SentCall;

  constructor(call: SentCall) {
    super();
    this.#call = call;
  }

  override list(): string[] {
    const { url, headers = {}, body } = this.#call;
    const query = url.includes("?") ? url.slice(url.indexOf("?") + 1) : "";
    const fields = asFields(parseJson(body));
    return [
      ...new URLSearchParams(query).values(),
      ...namedIn(Object.entries(headers)),
      ...(fields ? textsIn(fields) : namedIn(new URLSearchParams(body))),
    ];
  }
}

function namedIn(pairs: Iterable<[string, string]>): string[] {
  return [...pairs].filter(([name]) => SECRET_NAME.test(name)).map(([, value]) => value);
}

/** Values of the named fields, also inside of others. */
function textsIn(fields: Record<string, unknown>): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (typeof value === "string") return SECRET_NAME.test(name) ? [value] : [];
    const inner = asFields(value);
    return inner ? textsIn(inner) : [];
  });
}
