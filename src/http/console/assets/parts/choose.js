// The tables of the session page in which strategies, symbols and recordings are chosen.

import { html, useEffect, useMemo, useState } from "../core/view.js";
import { get } from "../core/api.js";
import { address } from "../core/router.js";
import { useStore } from "../core/store.js";
import { DASH, age, big, count, duration, percent, price, share, trend } from "../core/format.js";
import { words } from "../core/words.js";
import { Badge, Button, Empty, Field, Loaded, Panel, PnlPercent, Time, useAnswer } from "./ui.js";
import { Table } from "./table.js";

const text = words.choose;
/** @typedef {any} Row */

const toggled = (/** @type {string[]} */ list, /** @type {string} */ one) => list.includes(one) ? list.filter((other) => other !== one) : [...list, one];

/** @param {{of: any, chosen: string[], onChange: (list: string[]) => void}} props */
export function Strategies({ of, chosen, onChange }) {
  const [search, setSearch] = useState("");
  const columns = [
    { name: text.strategy, of: (/** @type {Row} */ row) => html`<label class="check"><input type="checkbox" checked=${chosen.includes(row.id)} onChange=${() => onChange(toggled(chosen, row.id))} /><strong>${row.strategy_name}</strong>
      <span class="faint small">v${row.version}</span>${!row.enabled && html`<${Badge} kind="warn">${text.disabled}<//>`}</label>`, sort: (/** @type {Row} */ row) => row.strategy_name },
    { name: text.about, of: (/** @type {Row} */ row) => html`<span class="quiet small clamp" title=${row.description}>${row.description}</span>`, wrap: true },
    { name: text.direction, of: (/** @type {Row} */ row) => row.direction },
    { name: text.trades, numeric: true, of: (/** @type {Row} */ row) => row.lastResultId ? html`<a href=${address("/results/:id", { id: row.lastResultId })}>${count(row.totalTrades)}</a>` : DASH, sort: (/** @type {Row} */ row) => row.totalTrades },
    { name: text.winRate, numeric: true, of: (/** @type {Row} */ row) => share(row.winRate), sort: (/** @type {Row} */ row) => row.winRate },
    { name: text.avgProfit, numeric: true, of: (/** @type {Row} */ row) => html`<${PnlPercent} value=${row.avgProfit} />`, sort: (/** @type {Row} */ row) => row.avgProfit },
  ];
  return html`<${Panel} id="field-strategies" title=${text.strategies} count=${chosen.length ? text.chosen(chosen.length) : ""} flush actions=${html`<${Search} value=${search} onInput=${setSearch} label=${text.searchStrategies} />`}>
    <${Loaded} of=${of}>${(/** @type {Row[]} */ all) => html`<div class="scroll low" tabindex="0" aria-label=${text.strategies}><${Table} label=${text.strategies} columns=${columns} keyOf=${(/** @type {Row} */ row) => row.id}
      rows=${all.filter((row) => `${row.id} ${row.strategy_name} ${row.description} ${row.tags.join(" ")}`.toLowerCase().includes(search.toLowerCase()))} onOpen=${(/** @type {Row} */ row) => onChange(toggled(chosen, row.id))}
      empty=${html`<${Empty} title=${text.noStrategies[0]}>${text.noStrategies[1]}<//>`} /></div>`}<//><//>`;
}

/** @param {{value: string, onInput: (value: string) => void, label: string}} props */
export const Search = ({ value, onInput, label }) => html`<input type="search" class="input search" placeholder=${label} aria-label=${label} value=${value} onInput=${(/** @type {any} */ event) => onInput(event.target.value)} />`;

/** @param {{of: any, form: any, onChange: (changes: any) => void}} props */
export function Recordings({ of, form, onChange }) {
  const [isWhole, setWhole] = useState(!form.from && !form.to);
  const columns = [
    { name: text.recording, of: (/** @type {Row} */ row) => html`<label class="check"><input type="radio" name="recording" checked=${form.recording === row.session_id} onChange=${() => onChange({ recording: row.session_id, symbols: [], from: "", to: "" })} />
      <${Time} value=${row.start_time} what="minute" /></label>`, sort: (/** @type {Row} */ row) => row.start_time },
    { name: text.span, numeric: true, of: (/** @type {Row} */ row) => duration(row.duration_seconds), sort: (/** @type {Row} */ row) => row.duration_seconds },
    { name: text.symbols, of: (/** @type {Row} */ row) => html`<span title=${row.symbols.join(", ")}>${row.symbols.slice(0, 2).join(", ")}${row.symbols.length > 2 ? ` +${row.symbols.length - 2}` : ""}</span>` },
    { name: text.records, numeric: true, of: (/** @type {Row} */ row) => big(row.records_collected), sort: (/** @type {Row} */ row) => row.records_collected },
    { name: text.coverage, of: (/** @type {Row} */ row) => html`<${Coverage} recording=${row} isChosen=${form.recording === row.session_id} />`, sort: (/** @type {Row} */ row) => row.coverage_pct },
    { name: text.state, of: (/** @type {Row} */ row) => html`<${Badge} kind=${row.status === "completed" ? "good" : "busy"}>${words.statuses[row.status] ?? row.status}<//>` },
  ];
  return html`<${Panel} id="field-session_id" title=${text.recordings} flush><${Loaded} of=${of}>${(/** @type {Row[]} */ all) => {
    const chosen = all.find((row) => row.session_id === form.recording);
    return html`<div class="scroll low" tabindex="0" aria-label=${text.recordings}><${Table} label=${text.recordings} columns=${columns} rows=${[...all].sort((a, b) => Number(b.status === "completed") - Number(a.status === "completed"))} keyOf=${(/** @type {Row} */ row) => row.session_id}
        onOpen=${(/** @type {Row} */ row) => onChange({ recording: row.session_id, symbols: [], from: "", to: "" })} empty=${html`<${Empty} title=${text.noRecordings[0]} action=${html`<${Button} onClick=${() => onChange({ type: "collect" })}>${text.collectSome}<//>`}>${text.noRecordings[1]}<//>`} /></div>
      ${chosen && html`<div class="padded stack tight" id="field-from"><label class="check"><input type="checkbox" checked=${isWhole} onChange=${() => { setWhole(!isWhole); onChange({ from: "", to: "" }); }} />${text.whole}</label>
        ${!isWhole && html`<div class="grid2"><${Field} label=${text.from}><input class="input" value=${form.from || chosen.start_time} onInput=${(/** @type {any} */ event) => onChange({ from: event.target.value })} /><//>
          <${Field} label=${text.to}><input class="input" value=${form.to || chosen.end_time} onInput=${(/** @type {any} */ event) => onChange({ to: event.target.value })} /><//></div>`}</div>`}`;
  }}<//><//>`;
}

/** How much of a recording is there, with its gaps in their places. @param {{recording: any, isChosen: boolean}} props */
export function Coverage({ recording, isChosen }) {
  const [gaps, setGaps] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    if (!isChosen || !recording.gaps) return;
    get(`/api/data-collection/${encodeURIComponent(recording.session_id)}`).then((answer) => setGaps(answer.gap_list ?? []), () => {});
  }, [isChosen, recording.session_id]);
  const [start, end] = [Date.parse(recording.start_time), Date.parse(recording.end_time)];
  return html`<span class="row"><span class="coverage" role="img" aria-label=${text.covered(recording.coverage_pct, recording.gaps)}>${gaps.map((gap, n) => html`<i key=${n} style=${{ left: `${100 * (Date.parse(gap.from) - start) / (end - start)}%`, width: `${100 * (Date.parse(gap.to) - Date.parse(gap.from)) / (end - start)}%` }}></i>`)}</span>
    <span>${share(recording.coverage_pct)}</span>${recording.gaps > 0 && html`<span class="warn small">${text.gaps(recording.gaps)}</span>`}</span>`;
}

/**
 * Symbols of the exchange with prices, or the configured names when it is away, or those of the recording.
 * @param {{form: any, recording: any, onChange: (changes: any) => void, onKnown: (known: any) => void}} props
 */
export function Symbols({ form, recording, onChange, onKnown }) {
  const [search, setSearch] = useState("");
  const [scope, setScope] = useState("configured");
  const [isPasting, setPasting] = useState(false);
  const market = useAnswer(() => recording ? Promise.resolve({ symbols: recording.symbols.map((/** @type {string} */ symbol) => ({ symbol })), source: "recording" }) : ofExchange(scope), [scope, recording?.session_id]);
  useEffect(() => { if (market.answer) onKnown({ names: new Set(market.answer.symbols.map((/** @type {Row} */ one) => one.symbol)), source: market.answer.source === "recording" ? "recording" : scope === "all" ? market.answer.source : "part" }); }, [market.answer]);
  const rows = useMemo(() => (market.answer?.symbols ?? []).filter((/** @type {Row} */ one) => `${one.symbol} ${one.name ?? ""}`.toLowerCase().includes(search.toLowerCase())), [market.answer, search]);
  const add = (/** @type {string[]} */ list) => onChange({ symbols: [...new Set([...form.symbols, ...list])].slice(0, 200) });
  const top = (/** @type {(one: Row) => number} */ by) => add([...(market.answer?.symbols ?? [])].filter((one) => by(one) > -Infinity).sort((a, b) => by(b) - by(a)).slice(0, 10).map((one) => one.symbol));
  const hasPrices = market.answer?.symbols.some((/** @type {Row} */ one) => one.price != null);
  return html`<${Panel} id="field-symbols" title=${text.symbols} count=${form.symbols.length ? text.chosen(form.symbols.length) : recording ? text.allOf : ""} flush actions=${html`<${Search} value=${search} onInput=${setSearch} label=${text.searchSymbols} />`}>
    <div class="padded stack tight"><${Chips} list=${form.symbols} onChange=${(/** @type {string[]} */ symbols) => onChange({ symbols })} />
      <div class="row wrap">
        ${!recording && html`<button type="button" class="choice" aria-pressed=${String(scope === "all")} onClick=${() => setScope(scope === "all" ? "configured" : "all")}>${text.allContracts}</button>`}
        ${hasPrices && html`<button type="button" class="choice" onClick=${() => top((one) => one.volume24h ?? -Infinity)}>${text.topVolume}</button>
          <button type="button" class="choice" onClick=${() => top((one) => one.change24h == null ? -Infinity : Math.abs(one.change24h))}>${text.topMovers}</button>`}
        <button type="button" class="choice" aria-pressed=${String(isPasting)} onClick=${() => setPasting(!isPasting)}>${text.paste}</button>
        <span class="grow"></span><${Source} of=${market.answer} again=${market.again} /></div>
      ${isPasting && html`<${Field} label=${text.pasteAbout}><textarea class="input" rows="3" onChange=${(/** @type {any} */ event) => { add(event.target.value.split(/[\s,;]+/).filter(Boolean)); event.target.value = ""; }}></textarea><//>`}</div>
    <${Loaded} of=${market}>${() => html`<div class="scroll low" tabindex="0" aria-label=${text.symbols}><${Table} label=${text.symbols} columns=${symbolColumns(form, onChange, hasPrices)} rows=${rows} most=${200} keyOf=${(/** @type {Row} */ row) => row.symbol}
      onOpen=${(/** @type {Row} */ row) => onChange({ symbols: toggled(form.symbols, row.symbol) })} empty=${html`<${Empty} title=${text.noSymbols[0]}>${text.noSymbols[1]}<//>`} /></div>`}<//><//>`;
}

/** The exchange's symbols; without it the configured names, and the reason. @param {string} scope */
async function ofExchange(scope) {
  try {
    return await get(`/api/exchange/symbols${scope === "all" ? "?scope=all" : ""}`);
  } catch (error) {
    const { symbols } = await get("/symbols");
    return { symbols: symbols.map((/** @type {string} */ symbol) => ({ symbol })), source: "configured", reason: /** @type {Error} */ (error).message };
  }
}

/** @param {{of: any, again: () => void}} props */
function Source({ of, again }) {
  const isOff = useStore((state) => state.health?.exchange?.status === "disabled");
  if (!of || of.source === "recording") return null;
  if (of.source === "configured" && isOff) return html`<span class="small warn">${text.off}</span>`;
  if (of.source === "configured") return html`<span class="row small warn"><span title=${of.reason}>${text.away}</span><${Button} small onClick=${again}>${words.retry}<//></span>`;
  return html`<span class=${`small ${of.source === "stale_cache" ? "warn" : "faint"}`}>${of.source === "stale_cache" ? `${text.stale} ` : ""}${text.refreshed} ${age(Date.now() - Date.parse(of.as_of))}</span>`;
}

/** @param {{list: string[], onChange: (list: string[]) => void}} props */
const Chips = ({ list, onChange }) => list.length === 0 ? null : html`<div class="row wrap">${list.map((one) => html`<span key=${one} class="chip">${one}<button type="button" aria-label=${text.remove(one)} onClick=${() => onChange(list.filter((other) => other !== one))}>×</button></span>`)}
  ${list.length > 1 && html`<button type="button" class="choice" onClick=${() => onChange([])}>${text.clear}</button>`}</div>`;

const symbolColumns = (/** @type {any} */ form, /** @type {any} */ onChange, /** @type {boolean} */ hasPrices) => [
  { name: text.symbol, of: (/** @type {Row} */ row) => html`<label class="check"><input type="checkbox" checked=${form.symbols.includes(row.symbol)} onChange=${() => onChange({ symbols: toggled(form.symbols, row.symbol) })} /><strong>${row.symbol}</strong></label>`, sort: (/** @type {Row} */ row) => row.symbol },
  ...(hasPrices ? [
    { name: text.price, numeric: true, of: (/** @type {Row} */ row) => price(row.price), sort: (/** @type {Row} */ row) => row.price },
    { name: text.change, numeric: true, of: (/** @type {Row} */ row) => html`<span class=${trend(row.change24h)}>${percent(row.change24h)}</span>`, sort: (/** @type {Row} */ row) => row.change24h },
    { name: text.volume, numeric: true, of: (/** @type {Row} */ row) => big(row.volume24h), sort: (/** @type {Row} */ row) => row.volume24h },
    { name: text.high, numeric: true, of: (/** @type {Row} */ row) => price(row.high24h) },
    { name: text.low, numeric: true, of: (/** @type {Row} */ row) => price(row.low24h) },
    { name: text.funding, numeric: true, of: (/** @type {Row} */ row) => row.funding_rate == null ? DASH : percent(100 * row.funding_rate, 4), sort: (/** @type {Row} */ row) => row.funding_rate },
    { name: text.leverage, numeric: true, of: (/** @type {Row} */ row) => row.max_leverage == null ? DASH : `${row.max_leverage}×` },
  ] : []),
];
