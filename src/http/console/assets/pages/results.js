// All results: what they ran on, what they were worth, two to eight of them to compare.

import { html, useState } from "../core/view.js";
import { get } from "../core/api.js";
import { address, go, setQuery } from "../core/router.js";
import { count, decimals, duration, number, share, shortId, strategyName } from "../core/format.js";
import { words } from "../core/words.js";
import { Badge, Button, Empty, Loaded, PageHead, Panel, Pnl, Time, useAnswer } from "../parts/ui.js";
import { Table } from "../parts/table.js";
import { Search } from "../parts/choose.js";

const text = words.results;

/** @param {{query: URLSearchParams}} props */
export default function Results({ query }) {
  const chosen = (query.get("ids") ?? "").split(",").filter(Boolean);
  const [search, setSearch] = useState("");
  const [older, setOlder] = useState(/** @type {any} */ ({ list: [], cursor: undefined }));
  const first = useAnswer(() => get("/results?limit=200"), []);
  const toggle = (/** @type {string} */ id) => setQuery({ ids: (chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(-words.compare.most)).join(",") });
  const load = async () => {
    const part = await get(`/results?limit=200&cursor=${encodeURIComponent(older.cursor ?? first.answer.next_cursor)}`);
    setOlder({ list: [...older.list, ...part.results], cursor: part.next_cursor ?? null });
  };
  return html`<${PageHead} title=${text.title} about=${text.about}><${Search} value=${search} onInput=${setSearch} label=${text.search} />
      <${Button} kind="primary" disabled=${chosen.length < 2} title=${text.chooseMore} onClick=${() => go("/compare", {}, { ids: chosen.join(",") })}>${text.compare(chosen.length)}<//><//>
    <${Panel} flush><${Loaded} of=${first} rows=${8}>${(/** @type {any} */ answer) => {
      const rows = [...answer.results, ...older.list].filter((row) => JSON.stringify([row.result_id, row.name, row.tags, row.notes, row.strategies, row.symbols]).toLowerCase().includes(search.toLowerCase()));
      return html`<${Table} label=${text.title} rows=${rows} columns=${columns(chosen, toggle)} keyOf=${(/** @type {any} */ row) => row.result_id} onOpen=${(/** @type {any} */ row) => go("/results/:id", { id: row.result_id })}
        empty=${html`<${Empty} title=${text.none[0]} action=${html`<a class="button primary" href=${address("/start")}>${text.start}</a>`}>${text.none[1]}<//>`} />
        ${(older.cursor === undefined ? answer.next_cursor : older.cursor) && html`<div class="state"><${Button} onClick=${load}>${text.more}<//></div>`}`;
    }}<//><//>`;
}

/** @typedef {any} Row */

const columns = (/** @type {string[]} */ chosen, /** @type {(id: string) => void} */ toggle) => [
  { name: html`<span class="hidden-label">${text.columns.choose}</span>`, of: (/** @type {Row} */ row) => html`<input type="checkbox" aria-label=${`${text.columns.choose} ${shortId(row.result_id)}`} checked=${chosen.includes(row.result_id)} onChange=${() => toggle(row.result_id)} />` },
  { name: text.columns.session, of: (/** @type {Row} */ row) => html`<a href=${address("/results/:id", { id: row.result_id })} title=${row.result_id}>${row.name || shortId(row.result_id)}</a>${row.pinned && " ★"}
    ${(row.tags ?? []).map((/** @type {string} */ tag) => html` <${Badge} key=${tag}>${tag}<//>`)} ${row.stopped_early && html`<${Badge} kind="warn">${text.early}<//>`}`, class: "folds", sort: (/** @type {Row} */ row) => row.created_at },
  { name: text.columns.strategies, of: (/** @type {Row} */ row) => row.strategies.map(strategyName).join(", "), class: "folds", sort: (/** @type {Row} */ row) => row.strategies[0]?.name },
  { name: text.columns.symbols, of: (/** @type {Row} */ row) => html`<span title=${row.symbols.join(", ")}>${row.symbols.slice(0, 2).join(", ")}${row.symbols.length > 2 ? ` +${row.symbols.length - 2}` : ""}</span>`, class: "breaks" },
  { name: text.columns.source, of: (/** @type {Row} */ row) => html`<${Time} value=${row.from} what="minute" />`, class: "folds", sort: (/** @type {Row} */ row) => row.from },
  { name: text.columns.span, numeric: true, of: (/** @type {Row} */ row) => duration((Date.parse(row.to) - Date.parse(row.from)) / 1000) },
  { name: text.columns.net, numeric: true, of: (/** @type {Row} */ row) => html`<${Pnl} value=${row.net_profit} digits=${decimals(row.currency)} unit=${row.currency} />`, sort: (/** @type {Row} */ row) => row.net_profit },
  { name: text.columns.drawdown, numeric: true, of: (/** @type {Row} */ row) => number(row.max_drawdown, decimals(row.currency)), sort: (/** @type {Row} */ row) => row.max_drawdown },
  { name: text.columns.trades, numeric: true, of: (/** @type {Row} */ row) => count(row.trades), sort: (/** @type {Row} */ row) => row.trades },
  { name: text.columns.winRate, numeric: true, of: (/** @type {Row} */ row) => share(row.win_rate_pct), sort: (/** @type {Row} */ row) => row.win_rate_pct },
  { name: text.columns.created, of: (/** @type {Row} */ row) => html`<${Time} value=${row.created_at} what="date" />`, sort: (/** @type {Row} */ row) => row.created_at },
];
