// What is true now: sessions from the WebSocket, and the read model of the sessions somebody looks at, asked for
// each second while the page is visible. After a reload or a break the same questions bring back everything.

import { Refused, get } from "./api.js";
import { useEffect } from "./view.js";
import { open, watch } from "./socket.js";
import { patch, set, state, useStore } from "./store.js";

/** @typedef {import("./types.js").Session} Session */

const READ_MS = 1000;
const PRICES_MS = 500;
const EVENTS_KEPT = 3000;
/** Sessions that nobody looks at any more and whose state is kept for a way back. */
const LEFT_KEPT = 4;

/** Subscribes to what every page shows. */
export function begin() {
  open();
  watch("sessions", {}, (message) => {
    if (message.type === "snapshot") return takeSessions(message.data.sessions ?? []);
    takeUpdate(message.data);
  });
  watch("health", {}, (message) => set({ health: message.data }));
  loadSessions();
}

/** The newest sessions, ended ones too. */
export async function loadSessions() {
  try { takeSessions((await get("/sessions?limit=100")).sessions); } catch { /* the link says so */ }
}

function takeSessions(/** @type {Session[]} */ list) {
  patch("sessions", Object.fromEntries(list.map((session) => [session.session_id, session])));
  // A session that ended while we were away is not in the snapshot of running ones.
  for (const known of Object.values(state.sessions)) {
    if (isRunning(known) && !list.some((one) => one.session_id === known.session_id)) refreshSession(known.session_id);
  }
}

/** @param {string} id */
export async function refreshSession(id) {
  try {
    patch("sessions", { [id]: await get(`/sessions/${encodeURIComponent(id)}`) });
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return error;
  }
  return null;
}

function takeUpdate(/** @type {any} */ data) {
  const id = data.session_id;
  if (!id || id === "daemon") return;
  const known = state.sessions[id];
  if (!known || data.event !== "session_progress") { refreshSession(id); return; }
  const { progress, simulated_time, events_per_second, eta_seconds, ticks, signals, orders, fills, trades } = data;
  const counters = { ...known.counters, ticks, signals, orders, fills, trades };
  patch("sessions", { [id]: { ...known, progress, simulated_time, events_per_second, eta_seconds, counters } });
}

/** @param {Session|undefined} session */
export const isRunning = (session) =>
  session != null && ["starting", "running", "stopping"].includes(session.status);

const RANK = { live: 0, paper: 1, backtest: 2, collect: 3 };

/** The session the frame is about: the one on the page, else the running one that matters most. */
export function focusOf(/** @type {import("./types.js").State} */ of) {
  const shown = of.route.name.startsWith("/board/") ? of.sessions[of.route.params.id] : null;
  if (shown) return shown;
  const running = Object.values(of.sessions).filter(isRunning);
  running.sort((a, b) => RANK[a.session_type] - RANK[b.session_type] || b.created_at.localeCompare(a.created_at));
  return running[0] ?? null;
}

/** @type {Map<string, {readers: number, isBusy: boolean, end: () => void}>} */
const followed = new Map();
/** @type {string[]} */
let left = [];

/** Forgets what was read of sessions that were left long ago. @param {string} id of the one that is left now */
function leave(id) {
  left = [...left.filter((one) => one !== id), id];
  const gone = left.filter((one) => !followed.has(one)).slice(0, -LEFT_KEPT);
  left = left.filter((one) => !gone.includes(one) && !followed.has(one));
  const rest = (/** @type {Record<string, any>} */ all) => Object.fromEntries(Object.entries(all).filter(([one]) => !gone.includes(one)));
  if (gone.length) set({ now: rest(state.now), prices: rest(state.prices), events: rest(state.events) });
}

/**
 * Keeps account, positions, orders, states, prices and events of a session fresh while the component is there.
 * @param {string|null|undefined} id
 */
export function useSession(id) {
  useEffect(() => {
    if (!id) return undefined;
    const one = followed.get(id) ?? follow(id);
    one.readers += 1;
    return () => {
      one.readers -= 1;
      if (one.readers === 0) { followed.delete(id); one.end(); leave(id); }
    };
  }, [id]);
  return useStore((of) => id ? of.sessions[id] : undefined);
}

function follow(/** @type {string} */ id) {
  const ends = [watchEvents(id), watchPrices(id)];
  const one = { readers: 0, isBusy: false, end: () => { ends.forEach((end) => end()); clearInterval(timer); } };
  const read = async () => {
    if (one.isBusy || document.hidden || state.link.status !== "connected") return;
    one.isBusy = true;
    try { await readNow(id); } finally { one.isBusy = false; }
  };
  const timer = setInterval(() => { if (isRunning(state.sessions[id])) read(); }, READ_MS);
  followed.set(id, one);
  (state.sessions[id] ? Promise.resolve() : refreshSession(id)).then(read);
  return one;
}

/** Whether a question was refused because the session has ended, which is no failure. @param {any} error */
const isOfTheEnd = (error) => error instanceof Refused && error.code === "session_ended";

async function readNow(/** @type {string} */ id) {
  const path = `/sessions/${encodeURIComponent(id)}`;
  const kind = state.sessions[id]?.session_type;
  if (kind === "collect") return;
  const parts = isRunning(state.sessions[id]) ? ["account", "positions", "orders", "states"] : ["account"];
  const answers = await Promise.allSettled(parts.map((part) => get(part === "states" ? `${path}/states?limit=200` : `${path}/${part}`)));
  /** @type {any} */
  const now = { ...state.now[id] };
  const at = Date.now();
  const read = answers.filter((answer) => answer.status === "fulfilled").length;
  answers.forEach((answer, index) => { if (answer.status === "fulfilled") now[parts[index]] = answer.value; });
  now.unread = parts.flatMap((part, index) => {
    const answer = answers[index];
    if (answer.status === "fulfilled" || isOfTheEnd(answer.reason)) return [];
    const before = (state.now[id]?.unread ?? []).find((/** @type {any} */ one) => one.part === part);
    return [{ part, since: before?.since ?? state.now[id]?.readAt ?? null, message: answer.reason?.message ?? String(answer.reason) }];
  });
  patch("now", { [id]: read ? { ...now, readAt: at } : now });
  // The end of a session may be answered before the socket tells of it.
  if (isRunning(state.sessions[id]) && answers.some((answer) => answer.status === "rejected" && isOfTheEnd(answer.reason))) await refreshSession(id);
}

/** Prices come up to ten times a second per symbol; they are put into the state twice a second. */
function watchPrices(/** @type {string} */ id) {
  /** @type {Record<string, any>} */
  let fresh = {};
  const timer = setInterval(() => {
    if (!Object.keys(fresh).length) return;
    patch("prices", { [id]: { ...state.prices[id], ...fresh } });
    fresh = {};
  }, PRICES_MS);
  const end = watch("market_data", { session_id: id }, ({ type, data }) => {
    if (type !== "update" || data.price == null) return;
    const before = fresh[data.symbol] ?? state.prices[id]?.[data.symbol];
    fresh[data.symbol] = { price: data.price, timestamp: data.timestamp, at: Date.now(), previous: before?.price ?? null };
    for (const reader of priceReaders) reader(id, data.symbol, data.price, data.timestamp);
  });
  return () => { clearInterval(timer); end(); };
}

/** @type {Set<(id: string, symbol: string, price: number, timestamp: string) => void>} */
const priceReaders = new Set();

/** Every price, for charts. @param {(id: string, symbol: string, price: number, timestamp: string) => void} reader */
export function onPrice(reader) {
  priceReaders.add(reader);
  return () => { priceReaders.delete(reader); };
}

/** Events so far from the log, then as they happen; known numbers are left out. */
function watchEvents(/** @type {string} */ id) {
  let isEnded = false;
  /** @type {any[]} */
  let waiting = [];
  let isLoading = true;
  const load = async () => {
    isLoading = true;
    try {
      await loadEvents(id, () => isEnded);
    } catch { /* tried again with the next snapshot */ }
    isLoading = false;
    takeEvents(id, waiting);
    waiting = [];
  };
  const end = watch("session", { session_id: id }, ({ type, data }) => {
    if (type === "snapshot") {
      const { now, now_reason: _, ...session } = data;
      if (session.session_id) patch("sessions", { [id]: { ...state.sessions[id], ...session } });
      if (now) patch("now", { [id]: { ...state.now[id], account: now.account, positions: now.positions, orders: now.orders, readAt: Date.now() } });
      load();
      return;
    }
    if (data.seq == null) return;
    if (isLoading) waiting.push(data); else takeEvents(id, [data]);
  });
  return () => { isEnded = true; end(); };
}

async function loadEvents(/** @type {string} */ id, /** @type {() => boolean} */ isEnded) {
  const known = state.events[id];
  const total = state.sessions[id]?.counters?.events ?? 0;
  let after = known?.last ?? Math.max(0, total - EVENTS_KEPT);
  for (let part = 0; part < 10 && !isEnded(); part += 1) {
    const answer = await get(`/sessions/${encodeURIComponent(id)}/events?after=${after}&limit=1000`);
    takeEvents(id, answer.events);
    after = answer.next_after;
    if (!answer.more) break;
  }
}

function takeEvents(/** @type {string} */ id, /** @type {any[]} */ list) {
  const known = state.events[id] ?? { list: [], last: 0, isWhole: true };
  const fresh = list.filter((event) => event.seq > known.last);
  if (!fresh.length && state.events[id]) return;
  const all = [...known.list, ...fresh];
  patch("events", {
    [id]: {
      list: all.slice(-EVENTS_KEPT), last: fresh.length ? fresh[fresh.length - 1].seq : known.last,
      isWhole: known.isWhole && all.length <= EVENTS_KEPT && (all[0]?.seq ?? 1) === 1,
    },
  });
}

/** Whether the role of who is here may run and stop sessions of this type. @param {any} me @param {{session_type: string}} session */
export const mayRun = (me, session) => Boolean(me?.permissions.includes(`run_${session.session_type}`));
