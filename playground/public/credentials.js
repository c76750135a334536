// The credentials: requests in flight, cooldowns with end and reason, and whether they are disabled.
import { announce, byId, el, fill, post } from "./dom.js";
import { toClock } from "./time.js";
import { toReason } from "./words.js";

/** Fields whose changes are not shown. */
const MOVING = new Set(["retryAfter", "counters"]);

let shown = "";
let closedBefore;

/** Shows the credentials of a status. Redraws only after a change. */
export function showCredentials({ credentials, cooldowns }, onAct) {
  const fresh = JSON.stringify([credentials, cooldowns], (name, value) =>
    MOVING.has(name) ? undefined : value,
  );
  if (fresh === shown) return;
  shown = fresh;
  const shared = cooldowns.filter(({ credential }) => credential === "*");
  fill(byId("credentials"), [
    ...credentials.map((one) =>
      toItem(
        one,
        cooldowns.filter(({ credential }) => credential === one.id),
        onAct,
      ),
    ),
    ...(shared.length > 0 ? [toShared(shared)] : []),
  ]);
  announceNew(cooldowns);
}

function toItem({ id, label, inFlight, disabled }, cooldowns, onAct) {
  const state = disabled
    ? "out"
    : cooldowns.length > 0
      ? "cooling"
      : inFlight > 0
        ? "busy"
        : "ready";
  const act = disabled ? "enable" : cooldowns.length > 0 ? "clear" : undefined;
  return el(
    "li",
    { class: `credential ${state}` },
    el(
      "div",
      { class: "line" },
      el("strong", {}, label),
      el("span", { class: "state" }, toState(disabled, cooldowns, inFlight)),
      act && toButton(id, label, act, onAct),
    ),
    ...(disabled ? [el("p", { class: "why" }, toDisabled(disabled))] : []),
    ...cooldowns.map(toCooldown),
  );
}

function toState(disabled, cooldowns, inFlight) {
  const states = [];
  if (disabled) states.push("disabled");
  else if (cooldowns.length > 0) states.push("cooldown");
  if (inFlight > 0) states.push(`${inFlight} in flight`);
  return states.join(", ") || "ready";
}

function toButton(id, label, action, onAct) {
  const text = action === "enable" ? "Enable" : "Clear";
  const title = action === "enable" ? `Enable ${label}` : `Remove the cooldowns of ${label}`;
  async function act() {
    await post(`/api/credentials/${encodeURIComponent(id)}`, { action });
    onAct();
  }
  return el(
    "button",
    { type: "button", class: "quiet", "aria-label": title, title, "data-key": id, click: act },
    text,
  );
}

function toCooldown({ family, reason, expiresAt, statedByUpstream, incidents }) {
  const until = Date.parse(expiresAt);
  const source = statedByUpstream
    ? "stated by the upstream"
    : `backoff of the relay, incident ${incidents}`;
  return el(
    "p",
    { class: "cooldown" },
    el("span", { class: "family" }, family === "*" ? "all models" : family),
    el("span", { class: "countdown", "data-until": until }),
    el("span", { class: "why" }, `${toReason(reason)}, until ${toClock(until)} (${source})`),
  );
}

function toShared(cooldowns) {
  return el(
    "li",
    { class: "credential cooling" },
    el(
      "div",
      { class: "line" },
      el("strong", {}, "every credential"),
      el("span", { class: "state" }, "cooldown"),
    ),
    ...cooldowns.map(toCooldown),
  );
}

function toDisabled({ reason, at }) {
  const [, code, evidence] = /^(\w+) \((.*)\)$/.exec(reason) ?? [];
  return `${code ? toReason(code) : reason} since ${toClock(Date.parse(at))}${evidence ? ` (${evidence})` : ""}`;
}

function announceNew(cooldowns) {
  const names = cooldowns.map(({ credential, family }) => `${credential} ${family}`);
  const fresh = closedBefore && cooldowns.filter((_, index) => !closedBefore.has(names[index]));
  closedBefore = new Set(names);
  if (fresh?.length > 0)
    announce(
      fresh
        .map(
          ({ credential, family, reason }) =>
            `${credential} has a cooldown for ${family}: ${toReason(reason)}.`,
        )
        .join(" "),
    );
}
