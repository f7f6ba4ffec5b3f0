// Elements, made of text only: what a payload holds is never read as HTML.

/** Makes an element; `properties` may hold `class`, `data-*`, `aria-*`, listeners as `onclick`, and attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

/** Shows or hides an element. */
export function show(shown, visible) {
  shown.hidden = !visible;
}

/** Writes text into an element if it is another one: a screen reader then hears only what is new. */
export function write(shown, text) {
  if (shown.textContent !== text) shown.textContent = text;
}

export const byId = (id) => document.getElementById(id);
