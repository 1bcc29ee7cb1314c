// The decision log: newest first, filtered by symbol, strategy and kind, each line opens what was seen.

import { html, still, useMemo, useState } from "../core/view.js";
import { conditionsOf, describe, groupOf, isInLog } from "../core/trades.js";
import { price, short, shortId } from "../core/format.js";
import { words } from "../core/words.js";
import { ConditionTable } from "./conditions.js";
import { Empty, Icon, Panel, Segments, Time } from "./ui.js";

const SHOWN = 150;
const text = words.log;

/** @typedef {{events: import("../core/types.js").SessionEvent[], isWhole: boolean, chosen: number|null, onChoose: (event: any) => void}} LogProps */

export const DecisionLog = still((/** @type {LogProps} */ { events, isWhole, chosen, onChoose }) => {
  const [group, setGroup] = useState("");
  const [symbol, setSymbol] = useState("");
  const [strategy, setStrategy] = useState("");
  const symbols = useMemo(() => [...new Set(events.map((event) => event.symbol).filter(Boolean))].sort(), [events]);
  const strategies = useMemo(() => [...new Set(events.map((event) => event.strategy_id).filter(Boolean))].sort(), [events]);
  const lines = useMemo(() => {
    const all = [];
    for (let n = events.length - 1; n >= 0 && all.length < SHOWN; n -= 1) {
      const event = events[n];
      if (!isInLog(event) || (group && groupOf(event) !== group) || (symbol && event.symbol !== symbol) || (strategy && event.strategy_id !== strategy)) continue;
      all.push(event);
    }
    return all;
  }, [events, group, symbol, strategy]);
  const pick = (/** @type {string} */ label, /** @type {string} */ value, /** @type {(v: string) => void} */ change, /** @type {any[]} */ all, /** @type {string} */ any) => html`
    <label><span class="hidden-label">${label}</span><select class="input" value=${value} onChange=${(/** @type {any} */ event) => change(event.target.value)}>
      <option value="">${any}</option>${all.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>`;
  return html`<${Panel} title=${text.title} count=${lines.length === SHOWN ? `${SHOWN}+` : lines.length} flush actions=${html`<div class="row wrap">
      ${pick(text.symbol, symbol, setSymbol, symbols, text.allSymbols)}${pick(text.strategy, strategy, setStrategy, strategies, text.allStrategies)}
      <${Segments} label=${text.kind} value=${group} onChange=${setGroup} options=${text.groups} /></div>`}>
    ${lines.length === 0 ? html`<${Nothing} isFiltered=${Boolean(group || symbol || strategy)} isRefusals=${events.length > 0 && group === "blocked" && isWhole && !symbol && !strategy} />` : html`<ul class="log" tabindex="0" aria-label=${text.title}>
      ${lines.map((event) => html`<${Line} key=${event.seq} event=${event} isOpen=${chosen === event.seq} onChoose=${onChoose} />`)}</ul>`}
    ${!isWhole && html`<p class="small faint state">${text.notWhole}</p>`}<//>`;
});

/**
 * A log of which a part is gone cannot say that nothing was refused.
 * @param {{isFiltered: boolean, isRefusals: boolean}} props
 */
const Nothing = ({ isFiltered, isRefusals }) => isFiltered ? html`<${Empty} title=${isRefusals ? text.noneRefused : text.noneFits} />` : html`<${Empty} title=${text.none[0]}>${text.none[1]}<//>`;

const Line = still((/** @type {any} */ { event, isOpen, onChoose }) => {
  const { word, text: said } = describe(event);
  return html`<li><button type="button" class="line" aria-expanded=${String(isOpen)} onClick=${() => onChoose(isOpen ? null : event)}>
      <${Time} value=${event.timestamp} what="ms" /><span class="who quiet small">${event.symbol ?? ""}</span>
      <span class=${`section-word is-${word.toLowerCase()}`}>${word}</span><span class="what">${said} ${event.strategy_id && html`<span class="faint small">${event.strategy_id}</span>`}</span>
      <${Icon} name=${isOpen ? "less" : "more"} /></button>
    ${isOpen && html`<${Opened} event=${event} />`}</li>`;
});

/** @param {{event: any}} props */
function Opened({ event }) {
  const conditions = conditionsOf(event);
  const facts = [["seq", event.seq], [text.price, event.price == null ? null : price(event.price)], [text.bid, event.best_bid == null ? null : `${price(event.best_bid)} / ${price(event.best_ask)}`],
    [text.order, event.order_id], [text.guard, event.guard], [text.measured, event.reason || event.value == null ? null : `${short(event.value, 8)} / ${short(event.threshold, 8)}`], [text.session, event.session_id && shortId(event.session_id)]].filter(([, value]) => value != null);
  return html`<div class="open">${conditions.length > 0 && html`<${ConditionTable} list=${conditions} label=${text.conditions} />`}
    <dl class="row wide wrap small">${facts.map(([name, value]) => html`<div key=${name} class="row"><dt class="faint">${name}</dt><dd>${value}</dd></div>`)}</dl></div>`;
}
