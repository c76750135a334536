// Buttons that make the simulated upstream misbehave.
import { byId, el, post } from "./dom.js";

const HEALTHY = { name: "healthy", title: "Healthy", description: "Every call is answered." };

/** Shows a button for each situation. Hidden in front of a real API. */
export function startUpstream({ mode, situations, models }, credentials, onAct) {
  if (mode !== "simulator") return;
  byId("upstream").hidden = false;
  byId("whom").append(...toChoices(models, credentials));
  const all = [HEALTHY, ...situations];
  byId("situations").append(...all.map((situation) => toButton(situation, onAct)));
  byId("reset").addEventListener("click", async () => {
    await post("/api/reset", {});
    onAct();
  });
}

/** Shows what is being played, and for whom. */
export function showPlaying(playing) {
  if (!playing) return;
  for (const button of byId("situations").children)
    button.setAttribute("aria-pressed", String(button.dataset.name === playing.name));
  const pressed = byId("situations").querySelector('[aria-pressed="true"]');
  if (!pressed) return;
  const whom = [...byId("whom").options].find(({ value }) =>
    isSame(JSON.parse(value), playing.whom),
  );
  const met = playing.name === "healthy" || !whom ? "" : ` For ${whom.text}.`;
  const text = pressed.dataset.description + met;
  if (byId("now").textContent !== text) byId("now").textContent = text;
}

function toButton({ name, title, description }, onAct) {
  async function play() {
    await post("/api/situation", {
      name,
      whom: name === "healthy" ? {} : JSON.parse(byId("whom").value),
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
  const option = (text, whom) => el("option", { value: JSON.stringify(whom) }, text);
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
