// Two to eight results side by side: equity over each other, metrics with the best marked, settings that differ.

import { html, useMemo } from "../core/view.js";
import { get } from "../core/api.js";
import { address } from "../core/router.js";
import { DASH, decimals, moment, number, short, shortId, strategyName } from "../core/format.js";
import { words } from "../core/words.js";
import { Empty, Loaded, PageHead, Panel, useAnswer } from "../parts/ui.js";
import { EquityChart } from "../parts/chart.js";

const text = words.compare;
const COLOURS = ["--accent", "--warn", "--backtest", "--collect", "--down", "--up", "--quiet", "--text"];
/** Whether less is better. @type {Record<string, boolean>} */
const LESS = { max_drawdown_pct: true, fees: true, slippage: true, consecutive_losses: true };

/** @param {{query: URLSearchParams}} props */
export default function Compare({ query }) {
  const ids = (query.get("ids") ?? "").split(",").filter(Boolean).slice(0, text.most);
  const all = useAnswer(async () => {
    if (ids.length < 2) return null;
    const [compared, ...runs] = await Promise.all([get(`/results/compare?ids=${ids.map(encodeURIComponent).join(",")}`), ...ids.flatMap((id) => [get(`/results/session/${encodeURIComponent(id)}`), get(`/results/session/${encodeURIComponent(id)}/equity?max_points=2000`)])]);
    return { compared, results: ids.map((_, n) => runs[2 * n]), equity: ids.map((_, n) => runs[2 * n + 1].equity) };
  }, [ids.join(",")]);
  return html`<${PageHead} title=${text.title} about=${text.about}><a class="button" href=${address("/results", {}, { ids: ids.join(",") })}>${words.results.title}</a><//>
    <${Loaded} of=${all} rows=${8}>${(/** @type {any} */ answer) => answer ? html`<${Shown} ...${answer} />` : html`<${Empty} title=${text.few[0]} action=${html`<a class="button primary" href=${address("/results")}>${words.results.title}</a>`}>${text.few[1]}<//>`}<//>`;
}

/** @param {any} props */
function Shown({ compared, results, equity }) {
  const names = results.map((/** @type {any} */ one) => one.name || `${one.strategies.map(strategyName).join("+")} ${shortId(one.result_id)}`);
  const others = useMemo(() => equity.slice(1).map((/** @type {any} */ points, /** @type {number} */ n) => ({ name: shortId(results[n + 1].result_id), colour: COLOURS[n + 1], points })), [equity]);
  const isSame = new Set(results.map((/** @type {any} */ one) => one.digest)).size === 1;
  return html`<div class="stack">
    <div class="row wide wrap">${results.map((/** @type {any} */ one, /** @type {number} */ n) => html`<a key=${n} href=${address("/results/:id", { id: one.result_id })}><span class=${`swatch c${n}`}></span>${names[n]}</a>`)}</div>
    ${isSame && html`<div class="callout info">${text.equal}</div>`}
    <${Panel} title=${text.equity} flush><div class="report"><${EquityChart} label=${text.equity} points=${equity[0]} digits=${decimals(compared.currency)} others=${others} hasDrawdown=${false} /></div><//>
    <${Panel} flush><${Grid} label=${text.title} names=${names} head=${text.metric} rows=${rowsOf(compared)} show=${(/** @type {any} */ value, /** @type {number} */ n, /** @type {any} */ row) => typeof value === "string" ? value : row.isMoney ? number(value, decimals(results[n].currency)) : short(value, 3)} /><//>
    <${Different} assumptions=${compared.differing_assumptions} results=${results} names=${names} /></div>`;
}

/** Symbols, currency and every metric that has a name; of amounts in several currencies none is the best. @param {any} compared */
const rowsOf = ({ results, currency, metrics }) => [
  { name: text.symbols, cells: results.map((/** @type {any} */ one) => one.symbols.join(", ")) },
  { name: text.currency, cells: results.map((/** @type {any} */ one) => one.currency) },
  ...Object.entries(text.names).filter(([id]) => metrics[id]).map(([id, name]) => {
    const { values: cells, reasons, unit } = metrics[id];
    const isMoney = unit === "quote";
    return { name, cells, reasons, isMoney, best: isMoney && currency == null ? null : bestOf(id, cells) };
  }),
];

/** @param {string} id @param {(number|null)[]} values */
function bestOf(id, values) {
  const known = /** @type {number[]} */ (values.filter((one) => one != null));
  if (known.length < 2 || new Set(known).size === 1 || ["trades", "exposure_time_pct", "duration_mean", "funding"].includes(id)) return null;
  return LESS[id] ? Math.min(...known) : Math.max(...known);
}

/** @param {{label: string, head: string, names: string[], rows: any[], show: (value: any, n: number, row: any) => any}} props */
const Grid = ({ label, head, names, rows, show }) => html`<table class="table compared" aria-label=${label}><thead><tr><th scope="col">${head}</th>${names.map((name, n) => html`<th key=${n} scope="col" class="n"><span class=${`swatch c${n}`}></span>${name}</th>`)}</tr></thead>
  <tbody>${rows.map((row) => html`<tr key=${row.name}><td>${row.name}</td>${row.cells.map((/** @type {any} */ value, /** @type {number} */ n) => html`<td key=${n} class=${`n ${row.best != null && value === row.best ? "best" : ""}`}>${value == null ? html`<span class="faint" title=${row.reasons?.[n]}>${DASH}</span>` : show(value, n, row)}${row.best != null && value === row.best ? html` <span title=${text.best}>★</span>` : ""}</td>`)}</tr>`)}</tbody></table>`;

/** Assumptions first: they say why two runs of the same data came to different numbers. @param {{assumptions: any[], results: any[], names: string[]}} props */
function Different({ assumptions, results, names }) {
  const keys = [...new Set(results.flatMap((one) => Object.keys(one.settings)))];
  const facts = results.map((one) => ({ ...one.settings, strategies: one.strategies.map(strategyName).join(", "), symbols: one.symbols.join(", "), data: one.source, start: moment(one.start), end: moment(one.end), "engine version": one.engine_version }));
  const assumed = assumptions.map((one) => ({ name: one.name.replaceAll("_", " "), cells: one.values }));
  const settings = [...keys, "strategies", "symbols", "data", "start", "end", "engine version"].map((key) => ({ name: key.replaceAll("_", " "), cells: facts.map((one) => one[key] ?? null) })).filter((row) => new Set(row.cells.map(String)).size > 1);
  const rows = [...assumed, ...settings.filter((row) => !assumed.some((one) => one.name === row.name))];
  return html`<${Panel} title=${text.settings} flush>${rows.length ? html`<${Grid} label=${text.settings} head=${text.setting} names=${names} rows=${rows} show=${String} />` : html`<p class="padded quiet">${text.same}</p>`}<//>`;
}
