// One question with its answer on the page, and the facts below the answer.
import { announce, byId, el } from "./dom.js";
import { toDuration } from "./time.js";

/** Silence after which the page shows its duration, in ms. */
const SILENCE = 2000;

/** Adds a question to the page and returns functions that write its answer. */
export function createExchange(question) {
  const answer = el("div", { class: "answer", "aria-busy": "true" });
  const pulse = el("span", { class: "pulse" });
  const facts = el("p", { class: "facts" }, pulse);
  const node = el(
    "article",
    { class: "exchange" },
    el("p", { class: "question" }, question),
    answer,
    facts,
  );
  const log = byId("log");
  const startedAt = performance.now();
  let lastAt = startedAt;
  let firstAfter;
  const text = document.createTextNode("");
  answer.append(text);
  byId("empty")?.remove();
  log.append(node);
  follow(true);

  // Keeps the end in view, unless the user has scrolled up.
  function follow(always = false) {
    const isNearEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    if (always || isNearEnd) log.scrollTop = log.scrollHeight;
  }
  const fact = (name, value) => facts.insertBefore(el("span", { class: name }, value), pulse);

  return {
    get text() {
      return text.data;
    },
    head({ status, headers }) {
      const credential = headers.get("x-relay-credential");
      if (credential) fact("by", credential);
      const model = headers.get("x-relay-model");
      if (model) fact("model", model);
      const attempts = Number(headers.get("x-relay-attempts") ?? 0);
      fact("attempts", attempts === 1 ? "1 attempt" : `${attempts} attempts`);
      if (status !== 200) fact("status", `status ${status}`);
      follow();
    },
    write(piece) {
      lastAt = performance.now();
      if (firstAfter === undefined) {
        firstAfter = lastAt - startedAt;
        fact("first", `first word after ${toDuration(firstAfter)}`);
      }
      text.appendData(piece);
      follow();
    },
    wait(now) {
      if (firstAfter === undefined) pulse.textContent = `waiting ${toDuration(now - startedAt)}`;
      else
        pulse.textContent =
          now - lastAt > SILENCE ? `silent for ${toDuration(now - lastAt)}` : "streaming";
    },
    fail(message) {
      answer.append(el("p", { class: "problem" }, message));
      follow();
    },
    async stopped(stoppedAt, asksLedger) {
      fact("stopped", "stopped by you");
      pulse.textContent = "";
      const closed = asksLedger ? await askLedger(stoppedAt) : undefined;
      if (closed)
        fact(
          "closed",
          `the upstream connection was closed ${toDuration(closed.closedAt - stoppedAt)} later, after ${closed.events} words`,
        );
    },
    end() {
      answer.removeAttribute("aria-busy");
      const { data } = text;
      if (data)
        fact(
          "words",
          `${data.trim().split(/\s+/).length} words in ${toDuration(lastAt - startedAt)}`,
        );
      pulse.remove();
      announce("The answer has ended.");
      follow();
    },
  };
}

/** Asks the simulator's ledger when the connection was closed. */
async function askLedger(stoppedAt) {
  const response = await fetch(`/api/closed?since=${stoppedAt}`).catch(() => undefined);
  return response?.ok ? response.json() : undefined;
}
