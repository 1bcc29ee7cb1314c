// All strategies: search, sort, open the editor, write a new one.

import { html } from "../core/view.js";
import { get } from "../core/api.js";
import { address, go, setQuery } from "../core/router.js";
import { useStore } from "../core/store.js";
import { count, percent, share } from "../core/format.js";
import { strategyWords as text } from "../core/words_pages.js";
import { Badge, Empty, Loaded, PageHead, Panel, Time, useAnswer } from "../parts/ui.js";
import { Table } from "../parts/table.js";

/** @param {{query: URLSearchParams}} props */
export default function Strategies({ query }) {
  const wanted = query.get("q") ?? "";
  const mayEdit = useStore((state) => state.me?.role !== "viewer");
  const all = useAnswer(() => get("/api/strategies"), []);
  return html`<${PageHead} title=${text.title} about=${text.about}>
      <input class="input search" type="search" placeholder=${text.search} aria-label=${text.search} value=${wanted} onInput=${(/** @type {any} */ event) => setQuery({ q: event.target.value })} />
      ${mayEdit && html`<a class="button primary" href=${address("/strategies/:id", { id: "new" })}>${text.create}</a>`}<//>
    <${Panel} flush><${Loaded} of=${all} rows=${6}>${(/** @type {any} */ answer) => html`<${Table} label=${text.title} columns=${COLUMNS} sorted=${[0, 1]}
      rows=${answer.strategies.filter((/** @type {any} */ one) => fits(one, wanted))} keyOf=${(/** @type {any} */ row) => row.id}
      onOpen=${(/** @type {any} */ row) => go("/strategies/:id", { id: row.id })}
      empty=${html`<${Empty} title=${text.none[0]}>${text.none[1]}<//>`} />`}<//><//>`;
}

const fits = (/** @type {any} */ one, /** @type {string} */ wanted) => wanted.toLowerCase().split(/\s+/).every((word) =>
  [one.id, one.strategy_name, one.description, one.category ?? "", ...one.tags].some((field) => field.toLowerCase().includes(word)));

const C = text.columns;
const COLUMNS = [
  { name: C.name, wrap: true, sort: (/** @type {any} */ row) => row.strategy_name.toLowerCase(), of: (/** @type {any} */ row) => html`<a class="strong" href=${address("/strategies/:id", { id: row.id })}>${row.strategy_name}</a>
    <div class="small quiet clip block" title=${row.description}>${row.description}</div>` },
  { name: C.direction, sort: (/** @type {any} */ row) => row.direction, of: (/** @type {any} */ row) => text.sides[row.direction] ?? html`<${Badge} kind="bad">${text.unread}<//>` },
  { name: C.version, numeric: true, sort: (/** @type {any} */ row) => row.version, of: (/** @type {any} */ row) => row.version },
  { name: C.state, sort: (/** @type {any} */ row) => row.enabled, of: (/** @type {any} */ row) => html`<${Badge} kind=${row.enabled ? "good" : ""}>${row.enabled ? text.enabled : text.disabled}<//>` },
  { name: C.win, numeric: true, sort: (/** @type {any} */ row) => row.winRate, of: (/** @type {any} */ row) => row.winRate == null ? html`<span class="faint" title=${text.noResult}>—</span>` : share(row.winRate) },
  { name: C.profit, numeric: true, sort: (/** @type {any} */ row) => row.avgProfit, of: (/** @type {any} */ row) => html`<span class=${row.avgProfit > 0 ? "up" : row.avgProfit < 0 ? "down" : "faint"}>${percent(row.avgProfit)}</span>` },
  { name: C.trades, numeric: true, sort: (/** @type {any} */ row) => row.totalTrades, of: (/** @type {any} */ row) => row.lastResultId
    ? html`<a href=${address("/results/:id", { id: row.lastResultId })}>${count(row.totalTrades)}</a>` : html`<span class="faint">—</span>` },
  { name: C.tags, of: (/** @type {any} */ row) => html`<span class="row">${row.tags.slice(0, 3).map((/** @type {string} */ tag) => html`<span class="badge" key=${tag}>${tag}</span>`)}</span>` },
  { name: C.changed, sort: (/** @type {any} */ row) => row.updated_at, of: (/** @type {any} */ row) => html`<${Time} value=${row.updated_at} what="minute" />` },
];
