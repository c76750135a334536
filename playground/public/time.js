// Readable durations and clock times, and the countdowns of the page.

/** Offset of the server's clock from this one, in ms. */
let ahead = 0;

export function setServerTime(at) {
  ahead = Date.parse(at) - Date.now();
}

/** `412 ms`, `1.8 s`, `2 min 5 s`. */
export function toDuration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** `5:05:42`, `0:14`. */
export function toCountdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) =>
    String(part).padStart(2, "0"),
  );
  const hours = Math.floor(seconds / 3600);
  return hours > 0 ? `${hours}:${parts.join(":")}` : parts.join(":").replace(/^0/, "");
}

/** `14:03:22`; with the weekday if it is another day. */
export function toClock(at) {
  const date = new Date(at);
  const time = date.toLocaleTimeString([], { hourCycle: "h23" });
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.toLocaleDateString([], { weekday: "short" })} ${time}`;
}

/** Shows the remaining time on each element with `data-until`. */
export function tick() {
  const now = Date.now() + ahead;
  for (const element of document.querySelectorAll("[data-until]"))
    element.textContent = toCountdown(Number(element.dataset.until) - now);
}
