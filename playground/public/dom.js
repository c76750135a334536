// Small tools for the page. Text goes in as text, never as HTML.

/** Makes an element: `el("p", { class: "x" }, "text", child)`. What is `undefined` or `false` is left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Puts new children in place of the old ones, and the focus back where it was. */
export function fill(parent, children) {
  const key = parent.contains(document.activeElement) && document.activeElement.dataset.key;
  parent.replaceChildren(...children);
  if (key)
    [...parent.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key)?.focus();
}

/** Says something to people who listen to the page. */
export function announce(text) {
  byId("announcer").textContent = text;
}

export async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}.`);
  return response.json();
}
