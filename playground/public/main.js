// Builds the page: reads the setup once and polls the status.
import { startChat } from "./chat.js";
import { showCredentials } from "./credentials.js";
import { byId, el } from "./dom.js";
import { setServerTime, tick } from "./time.js";
import { showTimeline } from "./timeline.js";
import { showPlaying, startUpstream } from "./upstream.js";

/** Polling interval of the status, in ms: at rest, and during an answer. */
const PACE = { idle: 1000, busy: 250 };

let isBusy = false;
let timer;

async function refresh() {
  clearTimeout(timer);
  try {
    const status = await getJSON("/api/status");
    show(status);
  } catch {
    showBanner("The playground does not answer. Run npm start again; this page then reconnects.");
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, isBusy ? PACE.busy : PACE.idle);
}

function show(status) {
  showBanner("");
  setServerTime(status.at);
  showCredentials(status, refresh);
  showPlaying(status.playing);
  showTimeline(status.recent);
  showOpen(status.requests);
  showStore(status.store);
  tick();
}

function showOpen({ open, waiting }) {
  const parts = [`${open} in progress`];
  if (waiting > 0) parts.push(`${waiting} of them waiting for a credential`);
  byId("open").textContent = open > 0 ? parts.join(", ") : "";
}

function showStore({ driver, fault }) {
  byId("store").textContent = fault ? `storage: ${fault}` : `saved in the storage (${driver})`;
}

function showBanner(text) {
  const banner = byId("banner");
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = text === "";
}

async function getJSON(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (!response.ok) throw new Error(`${path} answered ${response.status}.`);
  return response.json();
}

function showModels({ models }) {
  const choices =
    models.length > 0
      ? models.map((model, index) =>
          el(
            "label",
            {},
            el("input", { type: "radio", name: "model", value: model, checked: index === 0 }),
            model,
          ),
        )
      : [
          el("input", {
            name: "model",
            required: true,
            "aria-label": "Model",
            placeholder: "model name",
            autocomplete: "on",
          }),
        ];
  byId("models").append(...choices);
}

function showRoute({ mode, dialect }) {
  const upstream = mode === "simulator" ? "simulated upstream" : `your upstream (${dialect})`;
  byId("route").append(
    el("span", {}, "this page"),
    el("span", {}, el("code", {}, "/ai"), " the relay"),
    el("span", {}, upstream),
  );
}

async function start() {
  const [setup, status] = await Promise.all([getJSON("/api/setup"), getJSON("/api/status")]);
  showModels(setup);
  showRoute(setup);
  startUpstream(setup, status.credentials, refresh);
  startChat(setup, (busy) => {
    isBusy = busy;
    void refresh();
  });
  show(status);
  setInterval(tick, 250);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  void refresh();
  document.body.classList.add("ready");
}

start().catch((error) => showBanner(`The playground could not start: ${error.message}`));
