// Keys of every page. Keys of one page are its own (`useKeys`). Nothing acts while somebody types.

import { useEffect } from "./view.js";
import { go, navigation } from "./router.js";

const isTyping = (/** @type {any} */ target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
const open = (/** @type {string} */ what) => dispatchEvent(new CustomEvent("frame", { detail: what }));

let afterG = 0;

export function listenForKeys() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("[role=dialog]")) return;
    if (isTyping(event.target)) { if (event.key === "Escape") /** @type {HTMLElement} */ (event.target).blur(); return; }
    if (event.key === "?") return open("keys");
    if (event.key === "E" && event.shiftKey) return open("stop");
    if (event.key === "/") {
      const search = /** @type {HTMLElement|null} */ (document.querySelector("input[type=search]"));
      if (search) { event.preventDefault(); search.focus(); }
      return;
    }
    if (Date.now() - afterG < 1200) {
      const page = navigation().find((one) => one.nav?.key === event.key);
      afterG = 0;
      if (page) return go(page.path);
    }
    if (event.key === "g") { afterG = Date.now(); return; }
    if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  });
}

/** Moves to the next or previous row of the table that has the focus, or of the first one. */
function step(/** @type {1|-1} */ by) {
  const table = document.activeElement?.closest("table") ?? document.querySelector("main table:has(tr.link)");
  const rows = /** @type {HTMLElement[]} */ ([...(table?.querySelectorAll("tr.link") ?? [])]);
  const at = rows.indexOf(/** @type {any} */ (document.activeElement));
  rows[Math.min(rows.length - 1, Math.max(0, at + by))]?.focus();
}

/**
 * Keys of a page.
 * @param {Record<string, () => void>} actions
 * @param {any[]} inputs
 */
export function useKeys(actions, inputs) {
  useEffect(() => {
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("[role=dialog]")) return;
      const action = actions[event.key];
      if (action) { event.preventDefault(); action(); }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, inputs);
}
