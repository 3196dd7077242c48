/** Makes elements without markup in strings: data can only ever become text or a checked attribute. */

const MARGIN = 20;
const SVG = "http://www.w3.org/2000/svg";

/**
 * Returns a new element.
 *
 * @param {string} tag
 * @param {Object<string, any>} attributes `onclick` and the like are listeners; null and false leave an attribute out
 * @param {...(Node|string|null)} children strings become text nodes
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const ICONS = {
  caution: "M12 3 2.5 20h19L12 3Zm0 6v5m0 3v.01",
  check: "m5 12.5 4.5 4.5L19 7.5",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  external: "M14 5h5v5m0-5-8 8M18 14v5H5V6h5",
  important: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 4.5v5.5m0 3v.01",
  mail: "M3.5 6h17v12h-17zm0 1 8.5 6.5L20.5 7",
  note: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 8v5m0-8v.01",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 8.5c.8-4 3.8-6 7.5-6s6.7 2 7.5 6",
  print: "M7 9V3.5h10V9M7 17H4V9h16v8h-3M7 14h10v6.5H7z",
  tip: "M9 17.5h6M10 20.5h4M8.5 14.5a6 6 0 1 1 7 0c-.4.4-.5.8-.5 1.5H9c0-.7-.1-1.1-.5-1.5Z",
};

/** Returns a decorative line icon. */
export function icon(name) {
  const image = document.createElementNS(SVG, "svg");
  image.setAttribute("viewBox", "0 0 24 24");
  image.setAttribute("class", "icon");
  image.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", ICONS[name] ?? ICONS.note);
  image.append(line);
  return image;
}

/** Returns a sentence that stands out from what was said: `notice` with an exclamation mark, or a calmer kind. */
export function notice(text, kind = "notice", name = "important") {
  return element("p", { class: kind }, icon(name), element("span", {}, text));
}

/** Moves a node of the conversation to its top, so that an answer is read from the beginning. */
export function scrollToTop(node) {
  const scroller = document.getElementById("conversation");
  const above = node.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  scroller.scrollTop += above - MARGIN;
}

/** Returns text that only screen readers get. */
export function unseen(text) {
  return element("span", { class: "unseen" }, text);
}

/** Returns the writing direction of a language. */
export function direction(language) {
  return ["ar", "fa", "he", "ur", "yi"].includes(language.split("-")[0]) ? "rtl" : "ltr";
}

/** Returns a link that opens beside the page, or its label alone where the bot's settings allow no link to the address. */
export function outsideLink(address, words, ...label) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return element("span", {}, ...label);
  }
  const allowed = url.protocol === "https:" && words.link_hosts.includes(url.hostname) && !url.username;
  if (!allowed) return element("span", {}, ...label);
  return element(
    "a",
    { href: url.href, target: "_blank", rel: "noopener noreferrer" },
    ...label,
    unseen(` (${words.page.new_tab})`),
  );
}
