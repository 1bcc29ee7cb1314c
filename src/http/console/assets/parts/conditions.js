// Conditions: how far each is from its threshold, and what a decision saw.

import { html } from "../core/view.js";
import { DASH, price, short } from "../core/format.js";
import { words } from "../core/words.js";

const OPERATORS = /** @type {Record<string, string>} */ ({ ">=": "≥", "<=": "≤", "!=": "≠", "==": "=" });
const text = words.conditions;

/** @param {{section: string}} props */
export const Section = ({ section }) => html`<span class=${`section-word is-${section.toLowerCase()}`} title=${words.sections[section]}>${section}</span>`;

const threshold = (/** @type {any} */ one) => one.threshold_high != null ? `${short(one.threshold)} … ${short(one.threshold_high)}` : short(one.threshold);

/** Share of the way to the threshold, 0 to 100; met is full. @param {any} one */
function way(one) {
  if (one.met) return 100;
  if (one.distance_pct != null) return Math.max(2, Math.min(98, 100 - one.distance_pct));
  return one.value == null ? 0 : 50;
}

/** Conditions of an instance now, each with a bar to its threshold. @param {{list: any[]}} props */
export const Conditions = ({ list }) => html`<ul class="conditions">${list.map((one) => html`<li key=${one.id} class="condition" title=${`${one.id}: ${one.indicator}`}>
  <span class="section">${one.section}</span>
  <span class="name">${one.indicator}</span>
  <span class="values">${one.value == null ? html`<span class="faint" title=${one.missing}>${text.noValue}</span>` : short(one.value)}
    <span class="faint"> ${OPERATORS[one.operator] ?? one.operator} ${threshold(one)}</span></span>
  <span class=${`meter ${one.met ? "met" : ""}`} role="img" aria-label=${one.met == null ? text.unknown : one.met ? text.met : text.away(short(one.distance))}>
    <i style=${{ width: `${way(one)}%` }}></i></span></li>`)}</ul>`;

/** What a decision saw, as a table. @param {{list: any[], label: string}} props */
export const ConditionTable = ({ list, label }) => html`<table class="table seen" aria-label=${label}><thead><tr>
  <th scope="col">${text.section}</th><th scope="col">${text.condition}</th><th scope="col">${text.indicator}</th><th scope="col" class="n">${text.value}</th>
  <th scope="col"><span class="hidden-label">${text.operator}</span></th><th scope="col" class="n">${text.threshold}</th><th scope="col">${text.result}</th></tr></thead>
  <tbody>${list.map((one) => html`<tr key=${one.id}><td><${Section} section=${one.section} /></td><td>${one.id}</td><td class="quiet">${one.indicator}</td>
    <td class="n">${one.value == null ? html`<span title=${one.missing}>${DASH}</span>` : short(one.value, 6)}</td><td>${OPERATORS[one.operator] ?? one.operator}</td>
    <td class="n">${threshold(one)}</td><td>${one.met == null ? html`<span class="warn">${text.unknown}</span>` : one.met ? html`<span class="good">✓ ${text.met}</span>` : html`<span class="quiet">✕ ${text.notMet}</span>`}</td></tr>`)}
  </tbody></table>`;

/** An exit without conditions, with the level that was met. @param {any} event */
function byPrice({ trigger, level }) {
  const reason = words.reasons[trigger] ?? trigger ?? "";
  return level ? text.byLevel(reason, price(level.price), level.met_by == null ? null : price(level.met_by), level.met_by_kind === "mark") : text.byPrice(reason);
}

/**
 * Why a trade was made: what signal, entry and exit saw, and its partial fills.
 * @param {{trade: import("../core/trades.js").Trade, conditionsOf: (event: any) => any[]}} props
 */
export function Why({ trade, conditionsOf }) {
  const part = (/** @type {string} */ title, /** @type {any} */ event, /** @type {any} */ at) => {
    if (!event) return null;
    const list = conditionsOf(event);
    return html`<section class="stack tight"><h3>${title} <span class="faint">${at} ${event.trigger ? `· ${words.reasons[event.trigger] ?? words.sections[event.trigger] ?? event.trigger}` : ""}</span></h3>
      ${list.length ? html`<${ConditionTable} list=${list} label=${title} />` : html`<p class="quiet small">${byPrice(event)}</p>`}</section>`;
  };
  const time = (/** @type {any} */ event) => (event?.timestamp ?? event?.time ?? "").slice(11, 23);
  return html`<div class="stack why">${trade.strategy && html`<p class="small quiet">${trade.strategy} · ${trade.side} · ${short(trade.quantity, 8)}</p>`}
    ${part(text.whySignal, trade.signal, time(trade.signal))}
    ${part(text.whyEntry, trade.entry, time(trade.entry))}
    ${trade.earlierExits.map((/** @type {any} */ exit) => part(text.whyExit, exit, time(exit)))}
    ${part(text.whyExit, trade.exit ?? { trigger: trade.reason }, time(trade.exit))}
    ${trade.stops.length > 0 && html`<section class="stack tight"><h3>${text.stops}</h3><p class="small quiet">${trade.stops.map((/** @type {any} */ stop) => `${new Date(stop.at).toISOString().slice(11, 23)} ${price(stop.price)} (${words.reasons[stop.trigger] ?? stop.trigger})`).join(" → ")}</p></section>`}
    ${trade.fills.length > 0 && html`<section class="stack tight"><h3>${text.fills}</h3><p class="small quiet">${trade.fills.map((/** @type {any} */ fill) => `${words.purposes[fill.purpose] ?? fill.purpose} ${short(fill.quantity, 8)} @ ${price(fill.price)}`).join(" · ")}</p></section>`}
  </div>`;
}
