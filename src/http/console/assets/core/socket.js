// The WebSocket: one per page, with counted subscriptions. Every second while the page is visible it asks for a
// sign of life; without one for two seconds the link is stale, and what is shown says how old it is.

import { renewCsrf, renewLogin } from "./api.js";
import { set, state } from "./store.js";

/** @typedef {{stream: string, params: Record<string, any>, heard: Set<(message: any) => void>, cursor: number|null, position: number|null}} Watch */

const PING_MS = 1000;
const SILENCE_MS = 2000;
const LOOK_MS = 250;

/** @type {WebSocket|null} */
let socket = null;
/** @type {Map<string, Watch>} */
const watches = new Map();
let waitMs = 500;
let isWanted = false;
/** @type {any} */
let reopening = null;

const keyOf = (/** @type {string} */ stream, /** @type {any} */ params) => `${stream}/${params.session_id ?? ""}`;

/**
 * Subscribes to a stream; `heard` gets its snapshot and updates, and after a break whatever came in between.
 * Returns the function that ends it.
 * @param {string} stream
 * @param {Record<string, any>} params
 * @param {(message: any) => void} heard
 * @returns {() => void}
 */
export function watch(stream, params, heard) {
  const key = keyOf(stream, params);
  const known = watches.get(key);
  const one = known ?? { stream, params, heard: new Set(), cursor: null, position: null };
  one.heard.add(heard);
  // A second reader of a stream gets a snapshot too, so it is subscribed anew.
  if (!known) watches.set(key, one);
  subscribe(one, null);
  return () => {
    one.heard.delete(heard);
    if (one.heard.size) return;
    watches.delete(key);
    say({ type: "unsubscribe", stream, params: params.session_id ? { session_id: params.session_id } : undefined });
  };
}

function subscribe(/** @type {Watch} */ one, /** @type {number|null} */ resumeFrom) {
  const params = resumeFrom == null ? one.params : { ...one.params, resume_from: resumeFrom, resume_after: one.position ?? undefined };
  say({ type: "subscribe", id: keyOf(one.stream, one.params), stream: one.stream, params });
}

function say(/** @type {any} */ message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** Opens the socket and keeps it open until `close`. */
export function open() {
  isWanted = true;
  if (socket) return;
  const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
  socket = opened;
  opened.onopen = () => {
    waitMs = 500;
    heard();
    ping();
    for (const one of watches.values()) subscribe(one, one.cursor);
  };
  opened.onmessage = (event) => {
    heard();
    const message = JSON.parse(event.data);
    if (message.type !== "snapshot" && message.type !== "update") return;
    const one = watches.get(`${message.stream}/${message.session_id ?? ""}`);
    if (!one) return;
    one.cursor = message.cursor ?? message.seq;
    one.position = message.position ?? one.position;
    for (const reader of one.heard) reader(message);
  };
  opened.onclose = (event) => { if (socket === opened) ended(event.code); };
}

async function ended(/** @type {number} */ code) {
  socket = null;
  if (!isWanted) return;
  // An access token lives for a quarter of an hour; a renewed one opens the socket again at once.
  if (code === 4401) {
    try { await renewLogin(Date.now() - 5000); await renewCsrf(); return open(); } catch { /* said below */ }
  }
  set({ link: { ...state.link, status: "offline" } });
  clearTimeout(reopening);
  reopening = setTimeout(() => { if (isWanted) open(); }, waitMs);
  waitMs = Math.min(waitMs * 1.6, 5000);
}

/** Closes the socket for good. */
export function close() {
  isWanted = false;
  clearTimeout(reopening);
  socket?.close();
  socket = null;
}

function heard() {
  const heardAt = Date.now();
  if (state.link.status !== "connected" || heardAt - state.link.heardAt > 500) {
    set({ link: { status: "connected", heardAt } });
  }
}

function ping() {
  say({ type: "ping", id: "sign of life" });
}

let shownSince = Date.now();

setInterval(() => { if (!document.hidden && isWanted) ping(); }, PING_MS);

setInterval(() => {
  if (document.hidden || !isWanted) return;
  const silence = Date.now() - Math.max(state.link.heardAt, shownSince);
  if (state.link.status === "connected" && silence > SILENCE_MS) set({ link: { ...state.link, status: "stale" } });
  // A daemon that is gone without a word: this socket will not come back.
  if (socket && silence > 15000) { socket.close(); ended(1006); }
}, LOOK_MS);

document.addEventListener("visibilitychange", () => {
  shownSince = Date.now();
  if (!document.hidden) { ping(); if (isWanted && !socket) open(); }
});
