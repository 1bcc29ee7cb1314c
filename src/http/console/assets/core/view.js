// The view library, bound once: every component imports `html` and the hooks from here.

import { Component, Fragment, h, render } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { h, render, Fragment };
export {
  useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "../vendor/hooks.js";

/** Tagged template: HTML in, virtual nodes out. Text is always text, never markup. */
export const html = htm.bind(
  /** @this {any} */
  function node(/** @type {any[]} */ ...parts) {
    // A node that htm would keep for later points to the first tree it was part of, which then stays in memory.
    this[0] = 3;
    return h(.../** @type {[any, any]} */ (parts));
  },
);

/**
 * A component that is drawn again only when one of its properties is another value: for long lists.
 * @template P
 * @param {(props: P) => any} component
 * @returns {(props: P) => any}
 */
export function still(component) {
  class Still extends Component {
    /** @param {any} next */
    shouldComponentUpdate(next) {
      const before = /** @type {any} */ (this).props;
      const names = Object.keys(next);
      return names.length !== Object.keys(before).length || names.some((name) => !Object.is(next[name], before[name]));
    }

    /** @param {any} props */
    render(props) { return h(component, props); }
  }
  return /** @type {any} */ (Still);
}
