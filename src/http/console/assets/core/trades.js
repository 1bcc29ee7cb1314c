// Reads a session's events: trades with why they were made, marks for the chart, and lines of the decision log.

import { number, price, short, signed } from "./format.js";
import { words } from "./words.js";

/** @typedef {import("./types.js").SessionEvent} SessionEvent */
/**
 * @typedef {{id: string, instance: number, symbol: string, strategy: string, side: string, entryTime: string, exitTime: string|null,
 *   entryPrice: number, exitPrice: number|null, quantity: number, net: number|null, netPct: number|null, reason: string|null,
 *   signal: SessionEvent|null, entry: SessionEvent|null, earlierExits: SessionEvent[], exit: SessionEvent|null, fills: any[], stops: any[], isOpen: boolean}} Trade
 */

const SECTION_WORDS = ["S1", "O1", "Z1", "ZE1", "E1"];

/**
 * @param {SessionEvent[]} list events in order
 * @returns {{trades: Trade[], marks: import("../parts/chart.js").Mark[], gaps: any[]}} marks have the symbol beside them
 */
export function readTrades(list) {
  /** @type {Map<number, any>} */
  const open = new Map();
  /** @type {Map<number, SessionEvent>} */
  const orders = new Map();
  /** @type {Trade[]} */
  const trades = [];
  /** @type {any[]} */
  const marks = [];
  const gaps = [];
  const of = (/** @type {number} */ instance) => {
    if (!open.has(instance)) open.set(instance, nothing());
    return open.get(instance);
  };
  for (const event of list) {
    const at = Date.parse(event.timestamp);
    if (event.event === "feed_gap") gaps.push({ symbol: event.symbol, from: Date.parse(event.from), to: Date.parse(event.to), cause: event.cause });
    if (event.instance == null) continue;
    const held = of(event.instance);
    if (event.event === "signal" && event.kind === "transition" && SECTION_WORDS.includes(event.trigger)) {
      if (event.trigger === "S1") Object.assign(held, { signal: event, entry: null, earlierExits: [], exit: null });
      if (event.trigger === "Z1") held.entry = event;
      if (["ZE1", "E1"].includes(event.trigger)) leave(held, event);
      marks.push({ id: `d${event.seq}`, symbol: event.symbol, time: at, price: event.price, what: event.trigger, text: event.trigger });
    } else if (event.event === "state_transition" && isExit(event, held.exit)) {
      leave(held, event);
    } else if (event.event === "order_update" && event.status === "submitted") {
      orders.set(event.order_id, event);
    } else if (event.event === "fill") {
      const order = orders.get(event.order_id);
      held.fills.push({ at, price: event.fill_price, quantity: event.quantity, purpose: order?.purpose ?? "entry", side: order?.side });
      marks.push({ id: `f${event.seq}`, instance: event.instance, symbol: event.symbol, time: at, price: event.fill_price, what: markOf(order), text: "" });
    } else if (event.event === "position_update" && event.status === "stop_moved") {
      held.stops.push({ at, price: event.stop_price, trigger: event.trigger });
    } else if (event.event === "position_update" && event.status === "closed") {
      const trade = closed(event, held);
      trades.push(trade);
      nameMarks(marks, trade, at);
      open.set(event.instance, nothing());
    }
  }
  return { trades, marks, gaps };
}

/** What is known of a trade before its first event. @returns {Pick<Trade, "signal"|"entry"|"earlierExits"|"exit"|"fills"|"stops">} */
const nothing = () => ({ signal: null, entry: null, earlierExits: [], exit: null, fills: [], stops: [] });

/** An exit was decided; the same decision may come as a signal and as a change of state. */
function leave(/** @type {any} */ held, /** @type {any} */ event) {
  const { exit } = held;
  if (exit && (exit.trigger !== event.trigger || exit.timestamp !== event.timestamp)) held.earlierExits.push(exit);
  held.exit = event;
}

/** Whether a change of state ends the trade, or a part of it: the last one before it is flat does. */
const isExit = (/** @type {any} */ event, /** @type {any} */ exit) => event.to_state === "CLOSE_ORDER_EVALUATION" || event.to_state === "EMERGENCY_EXIT"
  || event.to_state === "EXITED" && exit?.trigger !== event.trigger;

const markOf = (/** @type {any} */ order) => {
  const isEntry = (order?.purpose ?? "entry") === "entry";
  const isShort = isEntry ? order?.side === "sell" : order?.side === "buy";
  return `${isShort ? "short " : ""}${isEntry ? "entry" : "exit"}`;
};

function closed(/** @type {any} */ event, /** @type {any} */ held) {
  return {
    id: `${event.instance}·${event.entry_time}`, instance: event.instance, symbol: event.symbol, strategy: event.strategy_id, side: event.side,
    entryTime: event.entry_time, exitTime: event.timestamp, entryPrice: event.entry_price, exitPrice: event.exit_price, quantity: event.quantity,
    net: event.net, netPct: event.net_pct, reason: event.reason, isOpen: false, ...held,
  };
}

/** Marks of a trade's fills know their trade; one entry and the last exit say what it was. */
function nameMarks(/** @type {any[]} */ marks, /** @type {Trade} */ trade, /** @type {number} */ at) {
  const own = marks.filter((mark) => mark.instance === trade.instance && !mark.trade && mark.time <= at);
  for (const mark of own) mark.trade = trade.id;
  for (const mark of own) if (mark.what === "exit") mark.what = (trade.net ?? 0) >= 0 ? "gain" : "loss";
  const exits = own.filter((mark) => !mark.what.endsWith("entry"));
  if (exits.length) exits[exits.length - 1].text = `${trade.reason} ${signed(trade.net)}`;
}

/** What the trades table of a result says, in the shape of `readTrades`. @param {any} row @param {number} index @returns {Trade} */
export function tradeOfResult(row, index) {
  return {
    id: String(index), instance: 0, symbol: row.symbol, strategy: row.strategy, side: row.side, entryTime: row.entry_time, exitTime: row.exit_time,
    entryPrice: row.entry_price, exitPrice: row.exit_price, quantity: row.quantity, net: row.net, netPct: row.net_pct, reason: row.reason,
    signal: row.why?.signal ?? null, entry: row.why?.entry ?? null, earlierExits: row.why?.earlier_exits ?? [], exit: row.why?.exit ?? null, fills: [], stops: [], isOpen: false,
  };
}

/** Conditions of a decision as rows. @param {any} event */
export function conditionsOf(event) {
  return Object.entries(event?.conditions ?? {}).map(([id, told]) => ({ id, .../** @type {any} */ (told) }));
}

/** Decisions are told twice, as a signal and as a transition: the log shows the first. @param {SessionEvent} event */
export function isInLog(event) {
  if (event.event === "session_progress") return false;
  if (event.event !== "state_transition") return true;
  return !SECTION_WORDS.includes(event.trigger) && event.trigger !== "FILL";
}

/** Which filter of the log shows an event. @param {SessionEvent} event */
export function groupOf(event) {
  if (event.kind === "refused" || event.kind === "refusal" || event.guard) return "blocked";
  if (event.event === "signal" || event.event === "state_transition") return "signals";
  if (event.event === "order_update" || event.event === "fill") return "orders";
  if (event.event === "position_update") return "positions";
  return "session";
}

/** Events whose name says all that their status does. */
const NAMING = ["session_started", "session_completed", "session_stopped", "session_failed"];

/** One line in plain words. @param {SessionEvent} event @returns {{word: string, text: string}} */
export function describe(event) {
  const say = words.log;
  if (groupOf(event) === "blocked") return { word: "✕", text: say.blocked(event.reason ?? event.guard ?? "") };
  switch (event.event) {
    case "signal": return { word: event.trigger, text: `${say.sections[event.trigger] ?? words.states[event.to_state] ?? ""} ${say.at(price(event.price))}` };
    case "state_transition": return { word: "→", text: say.state(words.states[event.to_state] ?? event.to_state, words.reasons[event.trigger] ?? event.trigger) };
    case "order_update": return { word: "ord", text: say.sent(event.status, event.side, short(event.quantity, 8), words.purposes[event.purpose] ?? event.purpose, event.limit == null ? null : price(event.limit), event.order_id, say.unfilled(event.reason, event.filled_quantity == null ? null : short(event.filled_quantity, 8), event.unfilled_quantity == null ? null : short(event.unfilled_quantity, 8))) };
    case "fill": return { word: "fill", text: say.fill(short(event.quantity, 8), price(event.fill_price), event.order_id) };
    case "position_update":
      if (event.status === "closed") return { word: "pos", text: say.closed(event.side, price(event.entry_price), price(event.exit_price), words.reasons[event.reason] ?? event.reason, signed(event.net)) };
      if (event.status === "stop_moved") return { word: "stop", text: say.stop(price(event.stop_price), words.reasons[event.trigger] ?? event.trigger) };
      return { word: "pos", text: say.opened };
    case "feed_gap": return { word: "gap", text: say.gap(event.cause, number((Date.parse(event.to) - Date.parse(event.from)) / 1000, 3)) };
    case "feed": return { word: "feed", text: say.feed(event.kind, number(event.offset_ms, 1)) };
    case "alert": return { word: "alert", text: String(event.message ?? event.warning ?? event.reason ?? event.kind) };
    case "strategy_activated": return { word: "·", text: say.activated(event.strategy_id ?? "", event.version) };
    default: return { word: "·", text: `${event.event.replaceAll("_", " ")}${event.status && !NAMING.includes(event.event) ? `: ${event.status}` : ""}${event.error_message ? `, ${event.error_message}` : ""}` };
  }
}
