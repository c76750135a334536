// The last requests, each with all its attempts.
import { byId, el, fill } from "./dom.js";
import { toClock, toDuration } from "./time.js";
import { toEnd, toReason, toTone } from "./words.js";

let shown = "";

export function showTimeline(requests) {
  const fresh = JSON.stringify(requests);
  if (fresh === shown) return;
  shown = fresh;
  byId("quiet").hidden = requests.length > 0;
  fill(byId("timeline"), requests.map(toItem));
}

function toItem({ id, at, model, attempts, end }) {
  return el(
    "li",
    { class: `request ${end ? toTone(end.reason) : "open"}` },
    el(
      "div",
      { class: "line" },
      el("time", { datetime: new Date(at).toISOString() }, toClock(at)),
      el("span", { class: "model" }, model ?? "no model"),
      el("span", { class: "end" }, end ? toEnd(end.reason) : "in progress"),
      el("span", { class: "numbers" }, end ? toNumbers(end) : ""),
      el("code", { class: "id" }, id),
    ),
    el("ol", { class: "attempts" }, ...attempts.map(toAttempt)),
  );
}

function toNumbers({ status, duration, firstPayloadAfter, bytes }) {
  const numbers = [status === undefined ? "no status" : `status ${status}`, toDuration(duration)];
  if (firstPayloadAfter !== undefined)
    numbers.push(`first word after ${toDuration(firstPayloadAfter)}`);
  if (bytes > 0) numbers.push(bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KB`);
  return numbers.join(" · ");
}

function toAttempt({
  credential,
  status,
  reason,
  evidence,
  duration,
  closedUntil,
  closedFamily,
  statedByUpstream,
}) {
  const outcome = reason ? toReason(reason) : "answered";
  const detail = [status === undefined ? "no answer" : `${status}`];
  if (reason) detail.push(`after ${toDuration(duration)}`, evidence);
  const closed =
    closedUntil &&
    `${closedFamily === "*" ? "all models" : closedFamily}: cooldown until ${toClock(closedUntil)}, ${statedByUpstream ? "stated by the upstream" : "backoff of the relay"}`;
  return el(
    "li",
    { class: reason ? "failed" : "answered" },
    el("strong", {}, credential || "no credential"),
    el("span", { class: "outcome" }, outcome),
    el("span", { class: "detail" }, detail.filter(Boolean).join(" · ")),
    closed && el("span", { class: "closed" }, closed),
  );
}
