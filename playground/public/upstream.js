// The buttons for the situations of the simulated upstream.
import { byId, el, post } from "./dom.js";

const HEALTHY = { name: "healthy", title: "Healthy", description: "Every call is answered." };

/** Shows a button for each situation. Hidden with a real API. */
export function startUpstream({ mode, situations, models }, credentials, onAct) {
  if (mode !== "simulator") return;
  byId("upstream").hidden = false;
  byId("applies-to").append(...toChoices(models, credentials));
  const all = [HEALTHY, ...situations];
  byId("situations").append(...all.map((situation) => toButton(situation, onAct)));
  byId("reset").addEventListener("click", async () => {
    await post("/api/reset", {});
    onAct();
  });
}

/** Shows the active situation and the calls that it applies to. */
export function showPlaying(playing) {
  if (!playing) return;
  for (const button of byId("situations").children)
    button.setAttribute("aria-pressed", String(button.dataset.name === playing.name));
  const pressed = byId("situations").querySelector('[aria-pressed="true"]');
  if (!pressed) return;
  const choice = [...byId("applies-to").options].find(({ value }) =>
    isSame(JSON.parse(value), playing.appliesTo),
  );
  const scope = playing.name === "healthy" || !choice ? "" : ` Applies to ${choice.text}.`;
  const text = pressed.dataset.description + scope;
  if (byId("now").textContent !== text) byId("now").textContent = text;
}

function toButton({ name, title, description }, onAct) {
  async function play() {
    await post("/api/situation", {
      name,
      appliesTo: name === "healthy" ? {} : JSON.parse(byId("applies-to").value),
    });
    onAct();
  }
  return el(
    "button",
    {
      type: "button",
      class: name,
      title: description,
      "aria-pressed": "false",
      "data-name": name,
      "data-description": description,
      click: play,
    },
    title,
  );
}

function toChoices(models, credentials) {
  const option = (text, filter) => el("option", { value: JSON.stringify(filter) }, text);
  return [
    option("the next call", { once: true }),
    option("every call", {}),
    ...models.map((model) => option(`every call to ${model}`, { model })),
    ...credentials.map(({ id, label }) => option(`every call with ${label}`, { credential: id })),
  ];
}

function isSame(one, other) {
  return ["once", "model", "credential"].every((name) => one[name] === other[name]);
}
