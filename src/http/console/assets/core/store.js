// The one place where the console's state lives. Snapshots and updates come in through `set`; components read
// with `useStore` and are drawn again when what they selected has changed.
//
// Invariant: a value in the state is replaced, never changed in place (`patch` copies one level).

import { useEffect, useReducer, useRef } from "./view.js";

/** @typedef {import("./types.js").State} State */

/** @type {State} */
export const state = {
  me: null,
  setupNeeded: false,
  entered: "unknown",
  link: { status: "connecting", heardAt: 0 },
  health: null,
  sessions: {},
  now: {},
  prices: {},
  events: {},
  strategies: null,
  recordings: null,
  notices: [],
  route: { name: "", params: {}, query: new URLSearchParams() },
  preferences: read(),
};

const readers = new Set();
let isDue = false;

/** Readers are told once per frame, however many changes there were. */
function tell() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    for (const reader of [...readers]) reader();
  });
}

/**
 * Replaces parts of the state.
 * @param {Partial<State>} changes
 */
export function set(changes) {
  Object.assign(state, changes);
  tell();
}

/**
 * Replaces entries of one part that is an object.
 * @param {keyof State} part
 * @param {Record<string, any>} changes
 */
export function patch(part, changes) {
  set({ [part]: { .../** @type {any} */ (state[part]), ...changes } });
}

/**
 * What `select` finds in the state; the component is drawn again when that is another value.
 * @template T
 * @param {(state: State) => T} select
 * @returns {T}
 */
export function useStore(select) {
  const [, again] = useReducer((/** @type {number} */ n) => n + 1, 0);
  const held = useRef(/** @type {any} */ (null));
  held.current = { select, value: select(state) };
  useEffect(() => {
    const reader = () => {
      if (!Object.is(held.current.select(state), held.current.value)) again(0);
    };
    readers.add(reader);
    reader();
    return () => { readers.delete(reader); };
  }, []);
  return held.current.value;
}

function read() {
  const defaults = { theme: "dark", zone: "utc", colours: "green-red" };
  try {
    return { ...defaults, ...JSON.parse(localStorage.getItem("preferences") ?? "{}") };
  } catch {
    return defaults;
  }
}

/**
 * Changes preferences of this browser.
 * @param {Partial<State["preferences"]>} changes
 */
export function prefer(changes) {
  patch("preferences", changes);
  localStorage.setItem("preferences", JSON.stringify(state.preferences));
  applyPreferences();
}

/** Theme and colours are attributes of the page that the style sheets read. */
export function applyPreferences() {
  document.documentElement.dataset.theme = state.preferences.theme;
  document.documentElement.dataset.colours = state.preferences.colours;
}

let noticeNumber = 0;

/**
 * Shows a message in the corner; errors stay until they are closed.
 * @param {"info"|"good"|"bad"} kind
 * @param {string} text
 */
export function notify(kind, text) {
  const id = noticeNumber += 1;
  set({ notices: [...state.notices.slice(-4), { id, kind, text }] });
  if (kind !== "bad") setTimeout(() => closeNotice(id), 6000);
}

/** @param {number} id */
export function closeNotice(id) {
  set({ notices: state.notices.filter((notice) => notice.id !== id) });
}
