// Small components that every page uses. Each is a function of its properties; none knows the API.

import { html, useEffect, useRef, useState } from "../core/view.js";
import { words } from "../core/words.js";
import { DASH, arrow, bothZones, moment, percent, signed, trend } from "../core/format.js";

/** @typedef {import("../core/api.js").Refused} Refused */

const PATHS = {
  board: "M3 3h7v8H3zM14 3h7v5h-7zM14 12h7v9h-7zM3 15h7v6H3z",
  start: "M6 4l14 8-14 8z",
  strategies: "M4 6h10M18 6h2M4 12h4M12 12h8M4 18h12M20 18h0M16 4v4M10 10v4M18 16v4",
  recordings: "M4 6c0-3 16-3 16 0v12c0 3-16 3-16 0zM4 6c0 3 16 3 16 0M4 12c0 3 16 3 16 0",
  results: "M4 20V4M4 20h16M8 16l4-5 3 3 5-7",
  sessions: "M4 6h16M4 12h16M4 18h10",
  operations: "M12 9a3 3 0 100 6 3 3 0 000-6zM12 2v4M12 18v4M2 12h4M18 12h4M5 5l3 3M16 16l3 3M19 5l-3 3M8 16l-3 3",
  bell: "M6 16V11a6 6 0 0112 0v5l2 2H4zM10 21h4",
  sun: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1 1M18 18l1 1M19 5l-1 1M6 18l-1 1",
  moon: "M20 14A8 8 0 0110 4a8 8 0 1010 10z",
  clock: "M12 3a9 9 0 100 18 9 9 0 000-18zM12 7v5l3 3",
  user: "M12 4a4 4 0 100 8 4 4 0 000-8zM4 21c0-5 16-5 16 0",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  help: "M12 3a9 9 0 100 18 9 9 0 000-18zM9.5 9.5a2.5 2.5 0 113.5 2.3c-.7.4-1 .8-1 1.7M12 17h0",
  close: "M6 6l12 12M18 6L6 18",
  more: "M6 9l6 6 6-6",
  less: "M6 15l6-6 6 6",
  pause: "M8 5v14M16 5v14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 13l4 4L19 7",
  warning: "M12 4l9 16H3zM12 10v4M12 17h0",
};

/** @param {{name: keyof typeof PATHS}} props */
export const Icon = ({ name }) =>
  html`<svg class="icon-glyph" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;

/** @param {{title?: any, count?: any, actions?: any, flush?: boolean, class?: string, id?: string, children?: any}} props */
export const Panel = ({ title, count, actions, flush, class: name = "", id, children }) => html`
  <section class=${`panel ${name}`} id=${id} aria-label=${typeof title === "string" ? title : undefined}>
    ${title && html`<header><h2>${title}</h2>${count != null && html`<span class="count">${count}</span>`}
      <span class="grow"></span>${actions}</header>`}
    <div class=${flush ? "flush" : title ? "body" : "body padded"}>${children}</div>
  </section>`;

/** Heading of a page. @param {{title: any, about?: any, children?: any}} props */
export const PageHead = ({ title, about, children }) => html`
  <div class="head"><div><h1>${title}</h1>${about && html`<p class="quiet small">${about}</p>`}</div>
    <span class="grow"></span>${children}</div>`;

/** @param {{kind?: string, disabled?: boolean, onClick?: any, title?: string, type?: string, small?: boolean, children?: any}} props */
export const Button = ({ kind = "", small, children, type = "button", ...rest }) => html`
  <button type=${type} class=${`button ${kind} ${small ? "small" : ""}`} ...${rest}>${children}</button>`;

/**
 * A field with its label, hint and problem.
 * @param {{label: any, hint?: any, problem?: any, id?: string, children?: any}} props
 */
export const Field = ({ label, hint, problem, id, children }) => html`
  <label class="field" id=${id}><span>${label}</span>${children}
    ${problem ? html`<span class="problem" role="alert">${problem}</span>` : hint ? html`<span class="hint">${hint}</span>` : null}
  </label>`;

/** A number with its unit behind it. @param {Record<string, any>} props */
export const NumberInput = ({ value, unit, onInput, problem, ...rest }) => html`
  <span class="unit"><input class=${`input ${problem ? "bad" : ""}`} inputmode="decimal" autocomplete="off" value=${value}
    onInput=${(/** @type {any} */ event) => onInput(event.target.value)} ...${rest} />
    ${unit && html`<span class="tail">${unit}</span>`}</span>`;

/** @param {{options: [string, any][], value: string, onChange: (value: string) => void, label: string}} props */
export const Segments = ({ options, value, onChange, label }) => html`
  <div class="segments" role="group" aria-label=${label}>
    ${options.map(([key, text]) => html`<button type="button" key=${key} aria-pressed=${String(key === value)}
      onClick=${() => onChange(key)}>${text}</button>`)}
  </div>`;

/** @param {{kind?: string, title?: string, children?: any}} props */
export const Badge = ({ kind = "", title, children }) => html`<span class=${`badge ${kind}`} title=${title}>${children}</span>`;

/** The mode in word and colour. @param {{mode: string}} props */
export const ModeBadge = ({ mode }) => html`<span class=${`badge ${mode}`}>${words.modes[mode] ?? mode}</span>`;

const PART_KINDS = /** @type {Record<string, string>} */ ({ ok: "good", ready: "good", idle: "good", copying: "good", disabled: "", unknown: "", not_asked: "", starting: "", throttled: "warn", connecting: "", disconnected: "bad", rejected: "warn", lagging: "warn", catching_up: "warn" });
/** How a part of the daemon stands; what is not known is bad. @param {string} status */
export const partKind = (status) => PART_KINDS[status] ?? "bad";

const STATUS_KINDS = { running: "busy", starting: "busy", stopping: "warn", completed: "good", stopped: "", failed: "bad", recording: "busy" };
/** @param {{status: string}} props */
export const StatusBadge = ({ status }) =>
  html`<span class=${`badge ${STATUS_KINDS[/** @type {keyof typeof STATUS_KINDS} */ (status)] ?? ""}`}>
    ${STATUS_KINDS[/** @type {keyof typeof STATUS_KINDS} */ (status)] === "busy" && html`<i class="dot"></i>`}${words.statuses[status] ?? status}</span>`;

/** Money with sign, arrow and colour. @param {{value: number|null|undefined, digits?: number, unit?: string}} props */
export const Pnl = ({ value, digits = 2, unit }) => html`<span class=${`nowrap ${trend(value, digits)}`}>
  ${value == null ? DASH : html`${arrow(value, digits) && html`<span aria-hidden="true">${arrow(value, digits)} </span>`}${signed(value, digits)}${unit ? ` ${unit}` : ""}`}</span>`;

/** @param {{value: number|null|undefined, digits?: number}} props */
export const PnlPercent = ({ value, digits = 2 }) => html`<span class=${`nowrap ${trend(value, digits)}`}>${percent(value, digits)}</span>`;

/** A time with both zones in its tooltip. @param {{value: any, what?: "time"|"ms"|"date"|"both"|"minute"}} props */
export const Time = ({ value, what }) => html`<time class="nowrap" title=${bothZones(value)}>${moment(value, what)}</time>`;

/** @param {{label: any, value: any, sub?: any, title?: string}} props */
export const Tile = ({ label, value, sub, title }) => html`
  <div class="tile" title=${title}><dt>${label}</dt><dd>${value}<span class="sub">${sub}</span></dd></div>`;
/** @param {{children?: any}} props */
export const Tiles = ({ children }) => html`<dl class="tiles">${children}</dl>`;

/** @param {{rows?: number}} props */
export const Loading = ({ rows = 3 }) => html`<div class="skeleton" role="status" aria-label=${words.loading}>
  ${Array.from({ length: rows }, (_, n) => html`<i key=${n}></i>`)}</div>`;

/** Nothing there, and the next step. @param {{title: any, children?: any, action?: any}} props */
export const Empty = ({ title, children, action }) => html`<div class="state"><h3>${title}</h3><p>${children}</p>${action}</div>`;

/** What went wrong, and how to try again. @param {{error: any, retry?: () => void}} props */
export const Failed = ({ error, retry }) => html`<div class="state error" role="alert"><h3>${words.failed}</h3>
  <p>${error?.message ?? String(error)}</p>${retry && html`<${Button} onClick=${retry}>${words.retry}<//>`}</div>`;

/**
 * Shows what a question brought: skeleton, error with retry, or the content.
 * @param {{of: Asked<any>, rows?: number, children: (answer: any) => any}} props
 */
export const Loaded = ({ of, rows, children }) => {
  if (of.answer !== undefined) return children(of.answer);
  return of.error ? html`<${Failed} error=${of.error} retry=${of.again} />` : html`<${Loading} rows=${rows} />`;
};

/**
 * @template T
 * @typedef {{answer: T|undefined, error: any, again: () => void}} Asked
 */

/**
 * Asks once, and again when one of `inputs` changes; an answer to an earlier question is thrown away.
 * @template T
 * @param {() => Promise<T>} question
 * @param {any[]} inputs
 * @returns {Asked<T>}
 */
export function useAnswer(question, inputs) {
  const [held, hold] = useState(/** @type {{answer: T|undefined, error: any}} */ ({ answer: undefined, error: null }));
  const [tries, again] = useState(0);
  useEffect(() => {
    let isWanted = true;
    question().then(
      (answer) => { if (isWanted) hold({ answer, error: null }); },
      (error) => { if (isWanted) hold((before) => ({ answer: before.answer, error })); },
    );
    return () => { isWanted = false; };
  }, [...inputs, tries]);
  return { ...held, again: () => again(tries + 1) };
}

/** Draws the component again every `ms`, for ages. @param {number} ms */
export function useTick(ms) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) tick((n) => n + 1); }, ms);
    return () => clearInterval(timer);
  }, [ms]);
}

/**
 * A dialog over the page; Escape and a click beside it close it, focus stays inside and comes back.
 * @param {{title: string, onClose: () => void, children?: any}} props
 */
export function Dialog({ title, onClose, children }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement|null} */ (document.activeElement);
    const first = box.current?.querySelector("input, select, textarea, button:not([data-close])");
    /** @type {HTMLElement|null|undefined} */ (first ?? box.current)?.focus();
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") { event.stopPropagation(); onClose(); }
      if (event.key !== "Tab" || !box.current) return;
      const all = [...box.current.querySelectorAll("a[href], button:not([disabled]), input, select, textarea")];
      const [one, last] = [all[0], all[all.length - 1]];
      if (event.shiftKey && document.activeElement === one) { event.preventDefault(); /** @type {any} */ (last).focus(); }
      if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); /** @type {any} */ (one).focus(); }
    };
    document.addEventListener("keydown", pressed, true);
    return () => { document.removeEventListener("keydown", pressed, true); before?.focus(); };
  }, []);
  return html`<div class="veil" onMouseDown=${(/** @type {any} */ event) => { if (event.target === event.currentTarget) onClose(); }}>
    <div class="dialog" role="dialog" aria-modal="true" aria-label=${title} tabindex="-1" ref=${box}>
      <div class="row"><h2 class="grow">${title}</h2>
        <button type="button" data-close class="button plain icon" aria-label=${words.close} onClick=${onClose}><${Icon} name="close" /></button></div>
      ${children}
    </div></div>`;
}

/**
 * Asks before something that cannot be taken back.
 * @param {{title: string, about: any, action: string, danger?: boolean, onYes: () => Promise<any>, onClose: () => void}} props
 */
export function Confirm({ title, about, action, danger, onYes, onClose }) {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const yes = async () => {
    setBusy(true);
    try { await onYes(); onClose(); } catch (refused) { setError(/** @type {Error} */ (refused).message); setBusy(false); }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}><div class="quiet">${about}</div>
    ${error && html`<div class="callout bad" role="alert">${error}</div>`}
    <div class="row"><span class="grow"></span><${Button} onClick=${onClose}>${words.cancel}<//>
      <${Button} kind=${danger ? "danger" : "primary"} disabled=${isBusy} onClick=${yes}>${action}<//></div><//>`;
}

/** @param {{text: string, label?: string}} props */
export function Copy({ text, label = words.copy }) {
  const [isDone, done] = useState(false);
  const copy = async () => {
    try { await navigator.clipboard.writeText(text); } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    done(true);
    setTimeout(() => done(false), 1500);
  };
  return html`<${Button} small onClick=${copy}><${Icon} name=${isDone ? "check" : "copy"} />${isDone ? words.copied : label}<//>`;
}
