// Who can carry a request now: in flight, cooling down until when and why, out of use.
import { announce, byId, el, fill, post } from "./dom.js";
import { toClock } from "./time.js";
import { toReason } from "./words.js";

/** Fields that change without anything to show. */
const MOVING = new Set(["retryAfter", "counters"]);

let shown = "";
let closedBefore;

/** Shows the credentials of a status; draws anew only where something changed. */
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
  if (disabled) states.push("out of use");
  else if (cooldowns.length > 0) states.push("cooling down");
  if (inFlight > 0) states.push(`${inFlight} in flight`);
  return states.join(", ") || "ready";
}

function toButton(id, label, action, onAct) {
  const text = action === "enable" ? "Enable" : "Clear";
  const title =
    action === "enable" ? `Bring ${label} back into use` : `Forget the cooldowns of ${label}`;
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
  const whose = statedByUpstream ? "the upstream said so" : `our choice, incident ${incidents}`;
  return el(
    "p",
    { class: "cooldown" },
    el("span", { class: "family" }, family === "*" ? "all models" : family),
    el("span", { class: "countdown", "data-until": until }),
    el("span", { class: "why" }, `${toReason(reason)}, until ${toClock(until)} (${whose})`),
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
      el("span", { class: "state" }, "cooling down"),
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
            `${credential} cools down for ${family}: ${toReason(reason)}.`,
        )
        .join(" "),
    );
}
