// The view library, bound once: every component imports `html` and the hooks from here.

import { h, render, Fragment } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { h, render, Fragment };
export {
  useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "../vendor/hooks.js";

/** Tagged template: HTML in, virtual nodes out. Text is always text, never markup. */
export const html = htm.bind(h);
