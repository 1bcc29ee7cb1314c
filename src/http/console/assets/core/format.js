// Numbers and times as text. Unknown is a dash; profit always has its sign.

import { state } from "./store.js";

export const DASH = "—";
const formats = new Map();

function format(/** @type {number} */ least, /** @type {number} */ most) {
  const key = least * 100 + most;
  if (!formats.has(key)) {
    formats.set(key, new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most }));
  }
  return formats.get(key);
}

/** The sign for minus; zero has none. */
const minus = (/** @type {string} */ text) => text.startsWith("-") ? (/[1-9]/.test(text) ? `−${text.slice(1)}` : text.slice(1)) : text;

/** @param {number|null|undefined} value @param {number} [digits] */
export const number = (value, digits = 2) => value == null ? DASH : minus(format(digits, digits).format(value));
/** At most so many digits. @param {number|null|undefined} value @param {number} [digits] */
export const short = (value, digits = 4) => value == null ? DASH : minus(format(0, digits).format(value));
/** @param {number|null|undefined} value */
export const count = (value) => value == null ? DASH : format(0, 0).format(value);
const significant = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
/** Whole, but with three digits when it is small: 0.0034 is not zero. @param {number|null|undefined} value */
export const volumeOf = (value) => value == null ? DASH : minus(Math.abs(value) >= 100 ? format(0, 0).format(value) : significant.format(value));
/** Decimals of amounts: dollars have two, other currencies such as bitcoin six. @param {string|null|undefined} currency */
export const decimals = (currency) => currency == null || currency.includes("USD") ? 2 : 6;
/** With its sign. @param {number|null|undefined} value @param {number} [digits] */
export function signed(value, digits = 2) {
  if (value == null) return DASH;
  const text = number(Math.abs(value), digits);
  if (!/[1-9]/.test(text)) return text;
  return `${value > 0 ? "+" : "−"}${text}`;
}
/** @param {number|null|undefined} value @param {number} [digits] */
export const percent = (value, digits = 2) => value == null ? DASH : `${signed(value, digits)} %`;
/** A share without a sign. @param {number|null|undefined} value @param {number} [digits] */
export const share = (value, digits = 1) => value == null ? DASH : `${number(value, digits)} %`;
/** 1.2 M, 34 k. @param {number|null|undefined} value */
export function big(value) {
  if (value == null) return DASH;
  for (const [size, unit] of /** @type {[number, string][]} */ ([[1e9, "B"], [1e6, "M"], [1e3, "k"]])) {
    if (Math.abs(value) >= size) return `${short(value / size, Math.abs(value) >= 100 * size ? 0 : 1)} ${unit}`;
  }
  return short(value, 1);
}
/** @param {number|null|undefined} bytes */
export const size = (bytes) => bytes == null ? DASH : `${big(bytes)}B`;

/**
 * A price with the digits it needs: those of the step when it is known.
 * @param {number|null|undefined} value
 * @param {number|null} [digits]
 */
export function price(value, digits = null) {
  if (value == null) return DASH;
  if (digits != null) return number(value, digits);
  const least = Math.abs(value) >= 1000 ? 1 : Math.abs(value) >= 1 ? 2 : 4;
  return format(least, Math.abs(value) >= 1 ? 4 : 8).format(value);
}

const two = (/** @type {number} */ n) => String(n).padStart(2, "0");

/**
 * @param {string|number|Date|null|undefined} value
 * @param {"time"|"ms"|"date"|"both"|"minute"} [what]
 */
export function moment(value, what = "both") {
  if (value == null) return DASH;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return DASH;
  const isUtc = state.preferences.zone === "utc";
  const [year, month, day, hours, minutes, seconds] = isUtc
    ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()];
  const days = `${year}-${two(month + 1)}-${two(day)}`;
  const time = `${two(hours)}:${two(minutes)}:${two(seconds)}`;
  if (what === "date") return days;
  if (what === "time") return time;
  if (what === "ms") return `${time}.${String(date.getUTCMilliseconds()).padStart(3, "0")}`;
  if (what === "minute") return `${days} ${time.slice(0, 5)}`;
  return `${days} ${time}`;
}

/** The other zone's time, for a tooltip. @param {string|number|null|undefined} value */
export function bothZones(value) {
  if (value == null) return "";
  const date = new Date(value);
  return `${date.toISOString().replace("T", " ").slice(0, 23)} UTC\n${date.toLocaleString("sv-SE")} local`;
}

export const zoneName = () => state.preferences.zone === "utc" ? "UTC" : "local";

/**
 * 1h 04m, 5m 45s, 12s: spelled and rounded as in the daemon's sentences, which stand beside it.
 * @param {number|null|undefined} seconds
 */
export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return DASH;
  const exact = Math.abs(seconds);
  const whole = Math.round(exact);
  if (exact < 59.95) return exact > 0 && exact < 1 ? `${Math.round(exact * 1000)}ms` : `${short(exact, 1)}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h ${two(Math.floor(whole % 3600 / 60))}m`;
  return `${Math.floor(whole / 86400)}d ${two(Math.floor(whole % 86400 / 3600))}h`;
}

/** How long ago, in words. @param {number} ms */
export function age(ms) {
  if (ms < 1500) return "now";
  return `${duration(Math.round(ms / 1000))} ago`;
}

/** The number of an id that people can tell apart. @param {string} id */
export const shortId = (id) => id.replace(/^(exec|session)_\d{8}_/, "").replace("_", "·");

/** A strategy of a session or result: one from a file has no version, and its file tells it from others. @param {{id: string, name: string, version: number|null}} one */
export const strategyName = (one) => one.version ? `${one.name} v${one.version}` : one.id;

/**
 * `up`, `down` or `flat`, for colour; the sign is said beside it. What is shown as zero with so many digits is flat.
 * @param {number|null|undefined} value @param {number} [digits]
 */
export const trend = (value, digits = 12) => value == null || !/[1-9]/.test(number(Math.abs(value), digits)) ? "flat" : value > 0 ? "up" : "down";
/** @param {number|null|undefined} value @param {number} [digits] */
export const arrow = (value, digits) => ({ up: "▲", down: "▼", flat: "" })[trend(value, digits)];
