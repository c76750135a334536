// The relay's log lines: one per incident, and few enough that an outage does not fill the disk (J5).
import type { Clock } from "../contract/clock.ts";
import type { Log } from "../contract/log.ts";

/** Maximum number of lines in one window; the next line gives the number of dropped lines. */
const LINES = 20;
const WINDOW = 60_000;
/** Maximum length of a line, in characters: names in it may come from a client. */
const LENGTH = 1_000;
/** consola's number for debug lines. */
const DEBUG = 4;

export interface Reporter {
  /** Writes a debug line; the line is built only where the logger does not drop it. */
  debug(message: () => string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Limits the number of log lines per minute and removes duplicates; debug lines always pass, because the logger drops them itself. */
export function createReporter(log: Log, clock: Clock): Reporter {
  let windowStart = -Infinity;
  let dropped = 0;
  const logged = new Set<string>();

  function logOnce(level: "info" | "warn" | "error", message: string): void {
    const now = clock.now();
    if (now - windowStart >= WINDOW) {
      windowStart = now;
      logged.clear();
    }
    if (logged.size >= LINES || logged.has(message)) {
      dropped++;
      return;
    }
    logged.add(message);
    write(level, dropped > 0 ? `${message} (${dropped} earlier lines dropped)` : message);
    dropped = 0;
  }

  // A logger that fails must not fail the request.
  function write(level: "debug" | "info" | "warn" | "error", message: string): void {
    try {
      log[level](toLine(message));
    } catch {}
  }

  return {
    debug(message) {
      // Other loggers have words as levels.
      const isDropped = typeof log.level === "number" && log.level < DEBUG;
      if (!isDropped) write("debug", message());
    },
    info: (message) => logOnce("info", message),
    warn: (message) => logOnce("warn", message),
    error: (message) => logOnce("error", message),
  };
}

// A name that contains a line break or an escape sequence must not create lines of its own.
function toLine(message: string): string {
  const line = message.length > LENGTH ? `${message.slice(0, LENGTH)}…` : message;
  return line.replace(/[\p{Cc}\u2028\u2029]/gu, "?");
}

const SILENT: Log = { level: 0, debug() {}, info() {}, warn() {}, error() {} };

export function silentLog(): Log {
  return SILENT;
}
