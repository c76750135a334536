// The chat: sends a question and shows the answer while it streams, with the credential that gave it.
import { byId } from "./dom.js";
import { readEvent, toDialect, toProblem } from "./dialects.js";
import { createExchange } from "./exchange.js";
import { readEvents } from "./stream.js";

/** Connects the form. Calls `onChange(isBusy)` when a request begins and ends. */
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
      else
        exchange.fail(
          error instanceof TypeError
            ? "The connection was closed before the answer was complete."
            : error.message,
        );
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
