// The versions of a strategy with their differences, and where it is used.

import { html, useState } from "../core/view.js";
import { get } from "../core/api.js";
import { address } from "../core/router.js";
import { useStore } from "../core/store.js";
import { isRunning } from "../core/live.js";
import { count, moment, number, shortId } from "../core/format.js";
import { differences } from "../core/strategy.js";
import { strategyWords as text } from "../core/words_pages.js";
import { Badge, Button, Empty, Loaded, ModeBadge, Panel, Pnl, StatusBadge, Time, useAnswer } from "./ui.js";
import { Table } from "./table.js";

/** @param {{kept: any, doc: any, isLocked: boolean, onRestore: (document: any) => void}} props */
export function Versions({ kept, doc, isLocked, onRestore }) {
  const [chosen, choose] = useState(kept.version > 1 ? kept.version - 1 : kept.version);
  const all = useAnswer(() => get(`/api/strategies/${encodeURIComponent(kept.id)}/versions`), [kept.id, kept.version]);
  const old = useAnswer(() => get(`/api/strategies/${encodeURIComponent(kept.id)}/versions/${chosen}`), [kept.id, chosen]);
  return html`<div class="versions">
    <${Panel} title=${text.tabs.versions} flush><${Loaded} of=${all}>${(/** @type {any} */ answer) => html`<ul class="version-list">${answer.versions.map((/** @type {any} */ one) => html`<li key=${one.version}>
      <button type="button" class="version" aria-pressed=${String(one.version === chosen)} onClick=${() => choose(one.version)}><b>${one.version}</b>
        <span class="small quiet"><${Time} value=${one.updated_at} what="minute" /></span>${one.version === kept.version && html`<${Badge} kind="good">${text.newest}<//>`}</button></li>`)}</ul>`}<//><//>
    <${Panel} title=${`${text.versionNumber} ${chosen} → ${text.open}`} actions=${!isLocked && old.answer && html`<${Button} small onClick=${() => onRestore(old.answer.document)}>${text.restore}<//>`}>
      <p class="small quiet">${text.versionsAbout}</p>
      <${Loaded} of=${old}>${(/** @type {any} */ version) => html`<${Differences} before=${version.document} after=${doc} />`}<//><//></div>`;
}

const value = (/** @type {any} */ one) => one === undefined ? text.missing : typeof one === "object" ? JSON.stringify(one, null, 1).replace(/\n\s*/g, " ") : String(one);

/** Places that differ between two documents. @param {{before: any, after: any}} props */
export function Differences({ before, after }) {
  const all = differences(before, after);
  if (!all.length) return html`<p class="state">${text.noDifference}</p>`;
  return html`<ul class="differences">${all.map((one) => html`<li key=${one.place}><p class="mono small">${one.place}</p>
    <p class="down"><span aria-label=${text.before}>−</span> ${value(one.before)}</p><p class="up"><span aria-label=${text.after}>+</span> ${value(one.after)}</p></li>`)}</ul>`;
}

/** Running sessions and stored results of a strategy. @param {{kept: any}} props */
export function Uses({ kept }) {
  const sessions = useStore((state) => state.sessions);
  const running = Object.values(sessions).filter((one) => isRunning(one) && one.strategies?.some((/** @type {any} */ strategy) => strategy.id === kept.id));
  const results = useAnswer(() => get(`/results?limit=100&strategy=${encodeURIComponent(kept.id)}`), [kept.id]);
  return html`<${Panel} title=${text.usedBy}>${running.length
    ? html`<ul class="stack tight">${running.map((one) => html`<li key=${one.session_id} class="row"><${ModeBadge} mode=${one.session_type} /><a class="mono" href=${address("/board/:id", { id: one.session_id })}>${shortId(one.session_id)}</a>
        <${StatusBadge} status=${one.status} /><span class="quiet small">${one.symbols.slice(0, 5).join(", ")}</span></li>`)}</ul>`
    : html`<p class="quiet small">${text.notUsed}</p>`}<//>
    <${Panel} title=${text.results} flush><${Loaded} of=${results}>${(/** @type {any} */ answer) => html`<${Table} label=${text.results} columns=${columns(kept.id)} rows=${answer.results}
      keyOf=${(/** @type {any} */ row) => row.result_id} empty=${html`<${Empty} title=${text.noResults} action=${html`<a class="button primary" href=${address("/start", {}, { type: "backtest", strategy: kept.id })}>${text.run}</a>`} />`} />`}<//><//>`;
}

const versionOf = (/** @type {any} */ row, /** @type {string} */ id) => row.strategies.find((/** @type {any} */ one) => one.id === id)?.version;

const columns = (/** @type {string} */ id) => [
  { name: text.versionNumber, numeric: true, sort: (/** @type {any} */ row) => versionOf(row, id), of: (/** @type {any} */ row) => versionOf(row, id) },
  { name: text.results, class: "folds", sort: (/** @type {any} */ row) => row.created_at, of: (/** @type {any} */ row) => html`<a href=${address("/results/:id", { id: row.session_id ?? row.result_id })}>${row.name ?? shortId(row.result_id)}</a> <span class="small quiet"><${Time} value=${row.created_at} what="minute" /></span>` },
  { name: text.period, class: "folds", of: (/** @type {any} */ row) => html`<span class="small">${moment(row.from, "minute")} – ${moment(row.to, "minute")}</span>` },
  { name: text.symbol, class: "breaks", of: (/** @type {any} */ row) => `${row.symbols.slice(0, 3).join(", ")}${row.symbols.length > 3 ? ` +${row.symbols.length - 3}` : ""}` },
  // The numbers of a result in a list are those of its session, however many strategies traded in it.
  { name: text.sharedBy, class: "folds", sort: (/** @type {any} */ row) => row.strategies.length, of: (/** @type {any} */ row) => text.sharers(row.strategies.length) },
  { name: text.wholeTrades, numeric: true, class: "folds", sort: (/** @type {any} */ row) => row.trades, of: (/** @type {any} */ row) => count(row.trades) },
  { name: text.wholeNet, numeric: true, class: "folds", sort: (/** @type {any} */ row) => row.net_profit, of: (/** @type {any} */ row) => html`<${Pnl} value=${row.net_profit} unit=${row.currency} />` },
  { name: text.wholeDrawdown, numeric: true, class: "folds", sort: (/** @type {any} */ row) => row.max_drawdown, of: (/** @type {any} */ row) => number(row.max_drawdown) },
];
