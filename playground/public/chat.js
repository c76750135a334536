// The chat: asks, shows the answer as it comes, and which credential gave it.
import { announce, byId, el } from "./dom.js";
import { readEvent, toDialect, toProblem } from "./dialects.js";
import { readEvents } from "./stream.js";
import { toDuration } from "./time.js";

/** Silence that is worth mentioning, ms. */
const SILENCE = 2000;

/** Wires the form. `onChange(isBusy)` is called when a request begins and ends. */
export function startChat(setup, onChange) {
  const dialect = toDialect(setup.dialect);
  const form = byId("form");
  const prompt = byId("prompt");
  const history = [];
  let running;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = prompt.value.trim();
    if (question && !running) void ask(question);
  });
  byId("stop").addEventListener("click", stop);
  prompt.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && stop());

  function stop() {
    if (!running) return;
    running.stoppedAt = Date.now();
    running.controller.abort();
  }

  async function ask(question) {
    const exchange = createExchange(question);
    running = { controller: new AbortController(), startedAt: performance.now() };
    setBusy(true);
    const timer = setInterval(() => exchange.wait(performance.now()), 100);
    const messages = [...history, { role: "user", content: question }];
    try {
      await converse(
        dialect,
        new FormData(form).get("model"),
        messages,
        exchange,
        running.controller.signal,
      );
      if (exchange.text)
        history.push(messages.at(-1), { role: "assistant", content: exchange.text });
    } catch (error) {
      if (running.stoppedAt) await exchange.stopped(running.stoppedAt, setup.mode === "simulator");
      else exchange.fail(error instanceof TypeError ? "The connection broke off." : error.message);
    } finally {
      clearInterval(timer);
      exchange.end();
      running = undefined;
      setBusy(false);
    }
  }

  function setBusy(isBusy) {
    const hadFocus =
      document.activeElement === byId("stop") || document.activeElement === byId("send");
    byId("stop").disabled = !isBusy;
    byId("send").disabled = isBusy;
    if (hadFocus) (isBusy ? byId("stop") : prompt).focus();
    onChange(isBusy);
  }
}

async function converse(dialect, model, messages, exchange, signal) {
  const [path, body] = dialect.toRequest(model, messages);
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...dialect.headers },
    body: JSON.stringify(body),
    signal,
  });
  exchange.head(response);
  if (!response.ok) return exchange.fail(toProblem(await response.json().catch(() => undefined)));
  for await (const data of readEvents(response)) {
    const { text, problem } = readEvent(dialect, data);
    if (problem) exchange.fail(problem);
    else if (text) exchange.write(text);
  }
}

/** One question with its answer on the page. */
function createExchange(question) {
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

  // Keeps the end in view, unless somebody has scrolled up to read.
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
      if (credential) fact("who", credential);
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
          `the upstream's connection closed ${toDuration(closed.closedAt - stoppedAt)} later, after ${closed.events} words`,
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

/** Asks the simulator's own ledger when it saw the connection close. */
async function askLedger(stoppedAt) {
  const response = await fetch(`/api/closed?since=${stoppedAt}`).catch(() => undefined);
  return response?.ok ? response.json() : undefined;
}
