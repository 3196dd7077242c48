/** The page's side of the embedding: told by `embed.js` it is framed, it shows a launcher and opens on request. */

import { recall, remember } from "./memory.js";

const FRAGMENT = new URLSearchParams(location.hash.slice(1));
const EMBEDDED = window.parent !== window && FRAGMENT.has("embedded");

/** Returns the foreign origin that frames this page, null where there is none or the browser hides it. */
export function parentOrigin() {
  if (!EMBEDDED) return null;
  const hidden = document.referrer ? new URL(document.referrer).origin : null;
  const origin = location.ancestorOrigins?.[0] ?? hidden;
  return origin === location.origin ? null : origin;
}

/**
 * Shows the launcher in place of the page until the visitor opens it; does nothing on a page that stands alone.
 *
 * @param {() => void} opened is called whenever the conversation comes to sight
 */
export function embed(opened) {
  if (!EMBEDDED) return opened();
  const launcher = document.getElementById("launcher");
  const close = document.getElementById("close");
  const chat = document.getElementById("page");
  const show = (open) => {
    remember("open", open);
    document.documentElement.classList.add("embedded");
    chat.hidden = !open;
    launcher.hidden = open;
    close.hidden = !open;
    // Nothing secret travels, so any host page may read it; embed.js checks whom it comes from.
    window.parent.postMessage({ supportPage: { open, title: document.title } }, "*");
  };
  launcher.addEventListener("click", () => {
    show(true);
    opened();
  });
  const shut = () => {
    show(false);
    launcher.focus();
  };
  close.addEventListener("click", shut);
  chat.addEventListener("keydown", (event) => {
    if (event.key === "Escape") shut();
  });
  const wasOpen = recall("open") === true;
  show(wasOpen);
  if (wasOpen) opened();
}

/** Returns the visitor's e-mail address, if the page around this one has told it. */
export function visitorEmail() {
  return EMBEDDED ? FRAGMENT.get("email") : null;
}
