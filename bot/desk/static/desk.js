// What a page of the desk does by itself: shows what has changed, says that the agent is there, moves by keys, sends
// a message without loading anew. Without this script the forms work all the same.
const { events: address, token } = document.body.dataset;
const composer = document.getElementById("composer");
const away = document.getElementById("away");
const PAUSE = 3000; // milliseconds until what has failed is tried again
const LONGEST_SEND = 15_000; // milliseconds until a form that has led nowhere was stopped by hand

// While a form is being sent the next page is on its way, and loading this one anew would stop it.
let leaving = false;
addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  leaving = true;
  setTimeout(() => void ((leaving = false), changed()), LONGEST_SEND);
});

const post = (path, fields) =>
  fetch(path, { method: "POST", body: new URLSearchParams({ token, ...fields }), redirect: "manual" });

// Loads the page anew behind the scenes and takes over what is marked as live: rows of a log are added, other parts
// are replaced where they differ, with the focus kept.
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (leaving) return;
  if (answer.redirected || [401, 403, 404].includes(answer.status)) return location.reload();
  if (!answer.ok) throw new Error(answer.status);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const found = fresh.getElementById(part.id);
    if (!found) return location.reload();
    if (part.dataset.live === "log") addRows(part, found);
    else if (part.innerHTML !== found.innerHTML) {
      const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
      part.replaceChildren(...found.childNodes);
      if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    }
  }
  // What is being written stays; the composer goes where the conversation is this agent's no longer.
  if (composer) composer.hidden = fresh.getElementById("composer").hidden;
}

function toEnd(log) {
  log.parentElement.scrollTop = log.parentElement.scrollHeight;
}

function addRows(log, found) {
  const rows = [...found.children].filter((row) => !document.getElementById(row.id));
  log.append(...rows);
  if (rows.length) toEnd(log);
}

// One refresh at a time; what changes meanwhile makes another one. One that fails says so and is tried again.
let running = false;
let again = false;
let retry;
async function changed() {
  if (running) return void (again = true);
  running = true;
  do {
    again = false;
    clearTimeout(retry);
    try {
      await refresh();
      away.hidden = true;
    } catch {
      away.hidden = false;
      retry = setTimeout(changed, PAUSE);
    }
  } while (again);
  running = false;
}

let beaten = 0;
function beat() {
  beaten = Date.now();
  post("/beat", {}).catch(() => {});
}

// A browser opens a lost stream again by itself, but not one that was answered by an error.
function listen() {
  const stream = new EventSource(address);
  stream.addEventListener("change", changed);
  stream.addEventListener("ping", beat);
  stream.addEventListener("over", () => location.reload());
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return;
    changed();
    setTimeout(listen, PAUSE);
  });
}

// Timers of a page in the background are slow, so the stream's pings set the pace; a timer stands in where none come.
if (address) {
  listen();
  setInterval(() => Date.now() - beaten > 12_000 && beat(), 4000);
}

document.querySelectorAll("[data-live=log], #before").forEach(toEnd);

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input:not([type=checkbox]), textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = [...document.querySelectorAll("a.row")];
  const step = { j: 1, k: -1 }[event.key];
  if (step && rows.length) {
    const place = rows.indexOf(document.activeElement) + step;
    rows[Math.max(0, Math.min(rows.length - 1, place))].focus();
  } else if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search")?.focus();
  } else if (event.key === "u") {
    document.getElementById("undo")?.click();
  } else if (!event.repeat && /^[1-9anr]$/.test(event.key)) {
    const within = event.target.closest("form, details");
    const group = within ? within.closest(".group") : document.querySelector("#queue .group");
    group?.querySelector(`[data-keys~="${event.key}"]`)?.click();
  }
});

// Accepting the first proposals of a page leaves out the messages whose ticks were taken away.
document.getElementById("accept-first")?.form.addEventListener("submit", (event) => {
  for (const field of event.target.querySelectorAll("[name^=id-]"))
    field.disabled = !document.querySelector(`#queue .group [name=${field.name}]`).checked;
});

// The message of a live conversation. Its id stays until it has arrived, so that a second attempt is the same message;
// with another text or another button it is another one: the first may have arrived without our hearing of it.
let failed;
composer?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = document.getElementById("not-sent");
  const { text, uuid } = composer.elements;
  const button = event.submitter;
  button.disabled = true;
  const message = { action: button.value, text: text.value };
  if (failed && (failed.action !== message.action || failed.text !== message.text)) uuid.value = crypto.randomUUID();
  failed = message;
  try {
    const answer = await post(location.pathname, { ...message, uuid: uuid.value });
    if (answer.type !== "opaqueredirect") throw new Error(answer.status);
    failed = undefined;
    text.value = "";
    uuid.value = crypto.randomUUID();
    problem.hidden = true;
    changed();
  } catch {
    problem.hidden = false;
  }
  button.disabled = false;
  text.focus();
});
composer?.elements.text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit(composer.querySelector("button.main"));
});
