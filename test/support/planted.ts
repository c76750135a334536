/** Looks for planted secrets in everything that leaves a relay: answers, log lines, events, statuses. */

/** A part of a secret that must be nowhere, in characters. */
const PART = 12;

/** Every part of 12 characters of a secret after its common prefix, and of its base64. */
function partsOf(secret: string): string[] {
  const rest = secret.replace(/^sk-(?:test-)?|^eyJ[\w-]+\./, "");
  const encoded = [rest, `u${rest}`, `uu${rest}`].map((text) => btoa(text).slice(4, -4));
  return [rest, ...encoded].flatMap((text) =>
    Array.from({ length: Math.max(0, text.length - PART + 1) }, (_, at) =>
      text.slice(at, at + PART),
    ),
  );
}

/** What a text shows of some secrets; `undefined` for nothing. */
export function leakIn(text: string, secrets: readonly string[]): string | undefined {
  for (const secret of secrets) {
    const part = partsOf(secret).find((one) => text.includes(one));
    if (part !== undefined) {
      const at = text.indexOf(part);
      return `${part} of ${secret} in …${text.slice(Math.max(0, at - 200), at + 60)}…`;
    }
  }
  return undefined;
}

/** Keeps what leaves one relay, up to a limit. */
export class Outside {
  readonly texts: string[] = [];
  #length = 0;

  add(what: unknown): void {
    const text = typeof what === "string" ? what : (JSON.stringify(what) ?? "");
    if ((this.#length += text.length) < 4_000_000) this.texts.push(text);
  }

  /** Adds the headers of a response now, and its body when the test reads it as a whole. */
  watch(response: Response): Response {
    this.add([...response.headers]);
    const text = response.text.bind(response);
    const read = async (): Promise<string> => {
      const body = await text();
      this.add(body);
      return body;
    };
    return Object.defineProperties(response, {
      text: { value: read },
      json: { value: async () => JSON.parse(await read()) as unknown },
    });
  }

  /** Throws where a secret has left. */
  check(secrets: readonly string[]): void {
    const leak = leakIn(this.texts.join("\n"), secrets);
    if (leak !== undefined) throw new Error(`J7: a secret has left the relay: ${leak}`);
  }
}
