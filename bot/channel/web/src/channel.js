/** The requests that the page makes to the bot's channel. */

import { events } from "./event-stream.js";

const BASE = "/webhooks/page";

/** The bot refused a request; `message` is its sentence for the customer, empty where it had none. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The bot could not be reached, or broke off; the same request may be made again. */
export class ConnectionLost extends Error {}

/** Begins a conversation and returns `{token, buttons}`: the buttons of the topics that may be tapped at once. */
export async function begin({ language, locale, product, email, parentOrigin }) {
  const body = {
    language,
    locale: locale ?? undefined,
    product: product ?? undefined,
    email: email ?? undefined,
    parent_origin: parentOrigin ?? undefined,
  };
  const response = await request("POST", "/session", null, body);
  return json(response);
}

/** Ends a conversation for good. */
export async function end(token) {
  await request("DELETE", "/session", token);
}

/** Tells that a document of a search, `{search, file}`, was opened. */
export async function opened(token, document) {
  await request("POST", "/opened", token, document);
}

/** Returns what was said so far, `{messages, live}`; the latter where an agent is waited for or there. */
export async function history(token) {
  return json(await request("GET", "/history", token));
}

/** Leaves an agent (`{action: "leave"}`) or rates one (`{action: "rate", rating, text}`). */
export async function changeLive(token, change) {
  await request("POST", "/live", token, change);
}

/** Yields each row after one of a live conversation, null for a sign of life; returns once it is over. */
export async function* live(token, after, signal) {
  const response = await request("GET", `/live?after=${after}`, token, undefined, signal);
  yield* stream(response, "row");
}

/** Sends a message and yields each part of the reply; returns once the bot has said all. */
export async function* send(token, message, signal) {
  const response = await request("POST", "/messages", token, message, signal);
  yield* stream(response, "message");
}

async function* stream(response, wanted) {
  try {
    for await (const { event, data } of events(response.body)) {
      if (event === "done") return;
      if (event === wanted) yield data;
      else if (event === "beat") yield null;
    }
  } catch (error) {
    throw new ConnectionLost(error.message);
  }
  throw new ConnectionLost("the reply broke off");
}

async function request(method, path, token, body, signal) {
  const headers = { Accept: "application/json, text/event-stream" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      signal,
      body: body && JSON.stringify(body),
      cache: "no-store",
    });
  } catch (error) {
    throw new ConnectionLost(error.message);
  }
  if (response.ok) return response;
  // A proxy that stands before a stopped bot answers so; the bot itself never means these as a refusal.
  if ([502, 503, 504].includes(response.status)) throw new ConnectionLost(response.statusText);
  const refusal = await response.json().catch(() => ({}));
  throw new Refusal(response.status, refusal.error ?? "", refusal.message ?? "");
}

async function json(response) {
  try {
    return await response.json();
  } catch (error) {
    throw new ConnectionLost(error.message);
  }
}
