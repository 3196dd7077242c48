/** Puts the words of a language into the page's fixed parts. */

import { direction, element } from "./dom.js";

/** Words every element that names a text: `data-text`, `data-label` (also its tooltip) and `data-placeholder`. */
export function wordPage(words) {
  const { page } = words;
  document.documentElement.lang = words.language;
  document.documentElement.dir = direction(words.language);
  document.title = page.title;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = page[node.dataset.text];
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = page[node.dataset.placeholder];
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", page[node.dataset.label]);
    if (node.tagName === "BUTTON") node.title = page[node.dataset.label];
  }
}

/** Fills the language menu; each language is written as its speakers write it. */
export function fillLanguageMenu(menu, words) {
  const options = Object.entries(words.languages).map(([code, name]) =>
    element("option", { value: code, lang: code, dir: direction(code) }, name),
  );
  menu.replaceChildren(...options);
  menu.value = words.language;
}
