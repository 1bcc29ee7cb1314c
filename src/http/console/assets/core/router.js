// Pages have addresses after the `#`, so that a reload and a link come back to the same place.

import { set, state } from "./store.js";

/**
 * A page: its address (`:name` matches one part), its entry in the navigation if it has one, and its module.
 * @typedef {{path: string, title: string, nav?: {label: string, icon: string, key: string},
 *   needs?: string, load: () => Promise<{default: (props: any) => any}>}} Page
 */

/** @type {Page[]} */
let pages = [];

/** @param {Page[]} all */
export function route(all) {
  pages = all;
  addEventListener("hashchange", follow);
  follow();
}

function follow() {
  const [path, query] = (location.hash.slice(1) || "/").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  for (const page of pages) {
    const wanted = page.path.split("/").filter(Boolean);
    if (wanted.length !== parts.length) continue;
    /** @type {Record<string, string>} */
    const params = {};
    const fits = wanted.every((part, index) => {
      if (part.startsWith(":")) { params[part.slice(1)] = parts[index]; return true; }
      return part === parts[index];
    });
    if (fits) return set({ route: { name: page.path, params, query: new URLSearchParams(query) } });
  }
  set({ route: { name: "unknown", params: {}, query: new URLSearchParams() } });
}

/** @param {string} name */
export const pageOf = (name) => pages.find((page) => page.path === name);
export const navigation = () => pages.filter((page) => page.nav);

/**
 * Address of a page, from a path like `/board/:id`.
 * @param {string} path
 * @param {Record<string, string>} [params]
 * @param {Record<string, string>} [query]
 */
export function address(path, params = {}, query = {}) {
  const filled = path.replace(/:(\w+)/g, (_, name) => encodeURIComponent(params[name]));
  const text = new URLSearchParams(query).toString();
  return `#${filled}${text ? `?${text}` : ""}`;
}

/** @param {string} path @param {Record<string, string>} [params] @param {Record<string, string>} [query] */
export function go(path, params, query) {
  location.hash = address(path, params, query);
}

/**
 * Changes the query of the address without a new entry in the history.
 * @param {Record<string, string|null>} changes
 */
export function setQuery(changes) {
  const query = new URLSearchParams(state.route.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value == null || value === "") query.delete(name); else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(null, "", `#${location.hash.slice(1).split("?")[0]}${text ? `?${text}` : ""}`);
  set({ route: { ...state.route, query } });
}
