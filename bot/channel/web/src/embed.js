/**
 * Puts the launcher and the chat on a foreign page: <script src=".../embed.js" data-lang="nb" data-product="azure" defer>.
 *
 * Everything lives in a frame of the bot's origin, so the host page's styles and scripts can neither break nor read it.
 * The frame stands in a closed shadow root, where no sheet of the page finds it, and in the browser's top layer, where
 * nothing reaches it that the sheet does to the elements around it. What the page can see is an empty element.
 */

const SHEET = `
  iframe { all: initial; display: block; position: fixed; z-index: 2147483647; color-scheme: normal; }
`;
const EMPTY = { all: "initial", position: "fixed", width: "0", height: "0", overflow: "hidden" };
const SHOWN = { visibility: "visible", "box-shadow": "0 6px 24px rgba(10, 30, 40, .28)" };
const PLACES = {
  hidden: { visibility: "hidden", width: "0", height: "0" },
  launcher: { inset: "auto 20px 20px auto", width: "64px", height: "64px", "border-radius": "32px" },
  panel: {
    inset: "auto 20px 20px auto",
    width: "min(420px, 100% - 40px)",
    height: "min(720px, 100% - 40px)",
    "border-radius": "20px",
  },
  screen: { inset: "0", width: "100vw", height: "100dvh", "border-radius": "0" },
};

const script = document.currentScript;
const origin = new URL(script.src).origin;
const phone = matchMedia("(max-width: 560px), (max-height: 480px)");
const host = document.createElement("div");
const frame = document.createElement("iframe");
let open = false;

function style(node, styles, priority) {
  for (const [name, value] of Object.entries(styles)) node.style.setProperty(name, value, priority);
}

function arrange() {
  const where = open ? (phone.matches ? "screen" : "panel") : "launcher";
  style(frame, { ...SHOWN, ...PLACES[where] });
}

function address() {
  const url = new URL("/webhooks/page/frame", origin);
  for (const name of ["lang", "product"]) {
    if (script.dataset[name]) url.searchParams.set(name, script.dataset[name]);
  }
  // Behind the hash, which no server and no log gets to see.
  const { email } = script.dataset;
  url.hash = new URLSearchParams({ embedded: "", ...(email ? { email } : {}) });
  return url.href;
}

addEventListener("message", (event) => {
  const told = event.source === frame.contentWindow && event.origin === origin && event.data?.supportPage;
  if (!told) return;
  open = told.open === true;
  frame.title = String(told.title);
  arrange();
});
phone.addEventListener("change", () => open && arrange());

const root = host.attachShadow({ mode: "closed" });
const sheet = new CSSStyleSheet();
sheet.replaceSync(SHEET);
root.adoptedStyleSheets = [sheet];
root.append(frame);
frame.allow = "clipboard-write";
frame.referrerPolicy = "origin";
frame.src = address();
frame.popover = "manual";
style(frame, PLACES.hidden);
style(host, EMPTY, "important"); // which no sheet beats
document.documentElement.append(host);
frame.showPopover?.();
