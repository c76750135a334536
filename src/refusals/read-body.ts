/** Reads the body of a refusal: codes, messages and waits, in whatever they are wrapped. */
import { asFields, parseJson } from "../shared/json.ts";
import { holdsPage, isHtml, textOfHtml } from "./html.ts";

export interface BodyReading {
  kind: "empty" | "json" | "html" | "text";
  /** Codes, types, reasons and statuses as they are written, outermost first. */
  codes: string[];
  /** All messages, one per line. */
  text: string;
  /** Fields that may state a wait, by name in lower case without separators. */
  waits: Map<string, unknown>;
  /** Headers inside the body, lower-case names. */
  headers: Map<string, string>;
  /** An HTTP status inside the body. */
  status: number | undefined;
  /** True where the body is a page, or contains one inside JSON. */
  page: boolean;
  /** True where a field of the response names a model. */
  namesModel: boolean;
  /** True where the error came from behind a gateway, as a body inside the body. */
  relayed: boolean;
}

const TEXT_FIELDS = new Set(
  "message msg detail details description errordescription error errors errormessage errormsg statusmsg title raw cause body reason info localizedmessage".split(
    " ",
  ),
);
const CODE_FIELDS = new Set(
  "code type reason reasons status error errorcode errcode errortype statuscode limitsource quotaid quotalimit quotametric kind __type".split(
    " ",
  ),
);
/** The request, advice and links: their words are no evidence. */
const SKIPPED = new Set(
  "input instructions tools messages content output help links requestid userid contentfilterresult contentfilterresults documentation loc ctx".split(
    " ",
  ),
);
const WAIT = /^(?:retry|reset|resets|quotareset|nextreset|estimatedtime|wait)/;
const MAX_DEPTH = 10;
const MAX_NODES = 2_000;
const MAX_TEXT = 8_192;

/** Reads a body of any kind. Never throws. */
export function readBody(body: string): BodyReading {
  const reading: BodyReading = {
    kind: "text",
    codes: [],
    text: "",
    waits: new Map(),
    headers: new Map(),
    status: undefined,
    page: false,
    namesModel: false,
    relayed: false,
  };
  const trimmed = body.replace(/^\uFEFF/, "").trim();
  if (trimmed === "") return { ...reading, kind: "empty" };
  if (isHtml(trimmed)) return { ...reading, kind: "html", page: true, text: textOfHtml(trimmed) };
  new Walk(reading).readText("message", trimmed, 0);
  return reading;
}

class Walk {
  private nodes = 0;
  private readonly reading: BodyReading;

  constructor(reading: BodyReading) {
    this.reading = reading;
  }

  readText(name: string, text: string, depth: number): void {
    const embedded = depth < MAX_DEPTH ? findJson(text) : undefined;
    if (!embedded) return this.readWords(text);
    this.reading.kind = "json";
    if (embedded.around) this.readWords(embedded.around);
    for (const value of embedded.values) this.readValue(name, value, depth + 1);
  }

  private readValue(name: string, value: unknown, depth: number): void {
    if (++this.nodes > MAX_NODES || depth > MAX_DEPTH || SKIPPED.has(name)) return;
    if (WAIT.test(name) && !this.reading.waits.has(name)) this.reading.waits.set(name, value);
    if (Array.isArray(value)) return value.forEach((item) => this.readValue(name, item, depth + 1));
    const fields = asFields(value);
    if (fields) return this.readFields(name, fields, depth);
    if (typeof value === "number") return this.readNumber(name, value);
    if (typeof value !== "string" || value === "") return;
    if (name === "raw" || name === "body") this.reading.relayed = true;
    if (name === "model" || name === "modelid") this.reading.namesModel = true;
    if (TEXT_FIELDS.has(name)) return this.readText(name, value, depth);
    if (!CODE_FIELDS.has(name)) return;
    // A sentence in the place of a code is a message.
    if (/\s/.test(value.trim())) this.readWords(value);
    else this.readCode(value);
  }

  private readFields(name: string, fields: Record<string, unknown>, depth: number): void {
    if (name === "headers") return this.readHeaders(fields);
    // A whole response may wrap its error; nothing else in it is evidence.
    const error = name === "response" ? asFields(fields["error"]) : undefined;
    for (const [key, value] of Object.entries(error ?? fields)) {
      const plain = key.toLowerCase().replace(/[_\-.\s]/g, "");
      // MiniMax's numbers have other meanings than the same numbers elsewhere.
      if (name === "baseresp" && plain === "statuscode") this.addCode(`base_resp:${String(value)}`);
      else this.readValue(key === "__type" ? key : plain, value, depth + 1);
    }
  }

  private readHeaders(fields: Record<string, unknown>): void {
    for (const [key, value] of Object.entries(fields)) {
      const first: unknown = Array.isArray(value) ? value[0] : value;
      if (typeof first === "string" || typeof first === "number") {
        this.reading.headers.set(key.toLowerCase(), String(first));
      }
    }
  }

  private readNumber(name: string, value: number): void {
    if (CODE_FIELDS.has(name)) this.readCode(String(value));
  }

  private readWords(text: string): void {
    const page = holdsPage(text);
    if (page) this.reading.page = true;
    this.addWords(page ? textOfHtml(text) : text);
  }

  private addWords(text: string): void {
    if (/^[\w.:/#-]{3,100}$/.test(text)) this.readCode(text);
    // `EMAIL_NOT_FOUND : There is no user …` and `reason: "RATE_LIMIT_EXCEEDED"` in gRPC's text.
    const leading = /^([A-Z][A-Z0-9_]{4,60})\s?:/.exec(text)?.[1];
    if (leading) this.addCode(leading);
    for (const [, code] of text.slice(0, MAX_TEXT).matchAll(QUOTED_CODE)) this.readCode(code!);
    // A reason phrase only repeats the status.
    if (REASON_PHRASE.test(text.trim())) return;
    if (this.reading.text.length < MAX_TEXT)
      this.reading.text += `${text.slice(0, MAX_TEXT).replace(QUOTED_CODE, " ")}\n`;
  }

  private readCode(value: string): void {
    const number = /^[1-5]\d\d$/.test(value) ? Number(value) : undefined;
    if (number !== undefined && number >= 400) this.reading.status ??= number;
    if (number === undefined) this.addCode(value);
  }

  private addCode(value: string): void {
    const code = value.trim().slice(0, 100);
    if (code !== "" && !this.reading.codes.includes(code)) this.reading.codes.push(code);
    if (/model/i.test(value) && /per_?(?:base_?)?model|by_?model/i.test(value))
      this.reading.namesModel = true;
  }
}

const REASON_PHRASE =
  /^(?:\d{3} )?(?:too many requests|bad request|unauthorized|payment required|forbidden|not found|service unavailable|bad gateway|internal server error)$/i;
const QUOTED_CODE =
  /\b(?:reason|code|type|status|quota_limit)["']?\s?[:=]\s?["']([\w.:-]{3,64})["']/g;

interface Embedded {
  values: unknown[];
  around?: string;
}

/** Finds the JSON in a text: the whole text, the data lines of an event stream, or an object after some words. */
function findJson(text: string): Embedded | undefined {
  if (!/[{[]/.test(text)) return undefined;
  const whole = parseJson(text);
  if (typeof whole === "object" && whole !== null) return { values: [whole] };
  if (typeof whole === "string") return { values: [], around: whole };
  const events = dataLines(text);
  if (events.length > 0) return { values: events };
  return jsonBetween(text, "{", "}") ?? jsonBetween(text, "[", "]");
}

/** An object, or a list of objects, with words before and after it; `[403]` is not one. */
function jsonBetween(text: string, open: string, close: string): Embedded | undefined {
  const from = text.indexOf(open);
  const to = text.lastIndexOf(close) + 1;
  const inner = from < 0 ? undefined : parseJson(text.slice(from, to));
  const first = Array.isArray(inner) ? inner[0] : inner;
  return asFields(first)
    ? { values: [inner], around: `${text.slice(0, from)} ${text.slice(to)}`.trim() }
    : undefined;
}

function dataLines(text: string): unknown[] {
  if (!/^(?:data|event|id|:)/.test(text)) return [];
  const lines = text.split(/\r\n|\n|\r/, 200).filter((line) => line.startsWith("data:"));
  return lines
    .map((line) => parseJson(line.slice(5)))
    .filter((value) => typeof value === "object" && value !== null);
}
