// One recording: coverage, gaps, prices, labels, export, deletion with what depends on it.

import { html, useMemo, useState } from "../core/view.js";
import { get, remove } from "../core/api.js";
import { INTERVALS, useCandles } from "../core/candles.js";
import { address, go, setQuery } from "../core/router.js";
import { notify, useStore } from "../core/store.js";
import { count, duration, moment, share, shortId, short, size } from "../core/format.js";
import { recordingWords as text } from "../core/words_pages.js";
import { Button, Confirm, Dialog, Empty, Field, Loaded, PageHead, Panel, StatusBadge, Tile, Tiles, Time, useAnswer } from "../parts/ui.js";
import { Table } from "../parts/table.js";
import { CandleChart } from "../parts/chart.js";
import { Labels, labelMarks } from "../parts/labels.js";

const DAY_MS = 86_400_000;

/** @param {{id: string, query: URLSearchParams}} props */
export default function Recording({ id, query }) {
  const path = `/api/data-collection/${encodeURIComponent(id)}`;
  const asked = useAnswer(() => get(path), [id]);
  return html`${!asked.answer && html`<${PageHead} title=${shortId(id)} />`}<${Loaded} of=${asked} rows=${8}>${(/** @type {any} */ recording) => html`<${Shown} key=${id} recording=${recording} path=${path} query=${query} />`}<//>`;
}

/** @param {{recording: any, path: string, query: URLSearchParams}} props */
function Shown({ recording, path, query }) {
  const [dialog, open] = useState("");
  const mayTrade = useStore((state) => state.me?.role !== "viewer");
  const symbol = recording.symbols.includes(query.get("symbol") ?? "") ? query.get("symbol") : recording.symbols[0];
  const from = query.get("from") ? Date.parse(/** @type {string} */ (query.get("from"))) : null;
  const labels = useAnswer(() => get(`${path}/labels`), [path]);
  const [placing, place] = useState(/** @type {any} */ (null));
  const isActive = recording.status === "recording";
  const T = text.overview;
  return html`<${PageHead} title=${html`<span class="mono">${shortId(recording.session_id)}</span>`} about=${html`<a href=${address("/recordings")}>${text.back}</a> · <span class="mono">${recording.session_id}</span>`}>
      <${StatusBadge} status=${recording.status} />
      <${Button} onClick=${() => open("export")}>${text.export}<//>
      ${mayTrade && html`<${Button} kind="danger" disabled=${isActive} title=${isActive ? text.stopFirst : undefined} onClick=${() => open("remove")}>${text.remove}<//>`}<//>
    <${Tiles}><${Tile} label=${T.length} value=${duration(recording.duration_seconds)} sub=${html`<${Time} value=${recording.start_time} what="minute" />`} />
      <${Tile} label=${T.rows} value=${count(recording.records_collected)} sub=${recording.data_types.map((/** @type {string} */ word) => word.replace("_", " ")).join(", ")} />
      <${Tile} label=${T.size} value=${size(recording.bytes)} sub=${`${short(recording.bytes_per_row, 2)} B/row`} />
      <${Tile} label=${T.coverage} value=${share(recording.coverage_pct, 2)} sub=${`${count(recording.gaps)} ${recording.gaps === 1 ? "gap" : "gaps"}`} />
      <${Tile} label=${T.exchange} value=${recording.exchange ?? "—"} sub=${html`<span class="clip" title=${recording.sources.join("\n")}>${recording.sources[0] ?? ""}</span>`} /><//>
    <${Heat} path=${path} symbol=${symbol} onCell=${(/** @type {string} */ name, /** @type {number} */ at) => setQuery({ symbol: name, from: new Date(at).toISOString() })} />
    <${Prices} recording=${recording} symbol=${symbol} from=${from} labels=${labels.answer?.labels ?? []} placing=${placing} place=${place} />
    <${Labels} path=${path} symbol=${symbol} labels=${labels} placing=${placing} place=${place} mayTrade=${mayTrade}
      onShow=${(/** @type {any} */ label) => setQuery({ symbol: label.symbol, from: new Date(Date.parse(label.onset) - 600_000).toISOString(), interval: "5s" })} />
    <div class="halves"><${Gaps} recording=${recording} symbol=${symbol} /><${Streams} recording=${recording} /></div>
    ${dialog === "export" && html`<${Export} recording=${recording} path=${path} symbol=${symbol} onClose=${() => open("")} />`}
    ${dialog === "remove" && html`<${Remove} recording=${recording} path=${path} onClose=${() => open("")} />`}`;
}

/** Symbols by days, each cell with its share as a number too. @param {{path: string, symbol: string, onCell: (symbol: string, at: number) => void}} props */
function Heat({ path, symbol, onCell }) {
  const asked = useAnswer(() => get(`${path}/coverage`), [path]);
  return html`<${Panel} title=${text.heat} actions=${asked.answer?.period_days > 1 && html`<span class="small faint">${text.periods(asked.answer.period_days)}</span>`}>
    <p class="small quiet">${text.heatAbout}</p>
    <${Loaded} of=${asked}>${(/** @type {any} */ { from, period_days, periods, symbols }) => {
      const start = Date.parse(from);
      const at = (/** @type {number} */ n) => start + n * period_days * DAY_MS;
      return html`<div class="scroll"><table class="heat coverage-heat" aria-label=${text.heat}><thead><tr><td></td>
        ${Array.from({ length: periods }, (_, n) => html`<th scope="col" key=${n}>${new Date(at(n)).toISOString().slice(5, 10)}</th>`)}</tr></thead>
        <tbody>${symbols.map((/** @type {any} */ row) => html`<tr key=${row.symbol} class=${row.symbol === symbol ? "marked" : ""}><th scope="row">${row.symbol}</th>${row.cells.map((/** @type {any} */ cell, /** @type {number} */ n) => html`<td key=${n} class=${shade(cell)}>
          ${cell && html`<button type="button" onClick=${() => onCell(row.symbol, at(n))} title=${`${row.symbol} ${new Date(at(n)).toISOString().slice(0, 10)}: ${share(cell.covered_pct, 2)}, ${cell.gaps} gaps${cell.causes.length ? ` (${cell.causes.join(", ")})` : ""}`}>${cell.covered_pct >= 99.95 ? "100" : cell.covered_pct.toFixed(1)}</button>`}</td>`)}</tr>`)}</tbody></table></div>`;
    }}<//><//>`;
}

const shade = (/** @type {any} */ cell) => !cell ? "none" : cell.covered_pct >= 99.9 ? "c4" : cell.covered_pct >= 98 ? "c3" : cell.covered_pct >= 90 ? "c2" : "c1";

/** @param {{recording: any, symbol: string, from: number|null, labels: any[], placing: any, place: (next: any) => void}} props */
function Prices({ recording, symbol, from, labels, placing, place }) {
  const query = useStore((state) => state.route.query);
  const length = recording.duration_seconds;
  const interval = query.get("interval") ?? (from == null ? (length > 86_400 * 3 ? "15m" : length > 14_400 ? "1m" : length > 1_800 ? "5s" : "1s") : "1m");
  const to = from == null ? null : from + (INTERVALS[interval] >= 60 ? DAY_MS : 3_600_000);
  const { candles, gaps, error } = useCandles({ recording: recording.session_id, symbol, interval, from, to });
  const marks = useMemo(() => labelMarks([...labels.filter((one) => one.symbol === symbol), ...(placing?.symbol === symbol ? [placing] : [])]), [labels, placing, symbol]);
  const placed = (/** @type {number} */ time) => {
    if (!placing?.step || placing.step === "done") return;
    const steps = ["onset", "peak", "end", "done"];
    place({ ...placing, [placing.step]: new Date(time).toISOString(), step: steps[steps.indexOf(placing.step) + 1] });
  };
  return html`<${Panel} title=${`${text.chart} · ${symbol}`} class=${placing?.step && placing.step !== "done" ? "placing" : ""} actions=${html`
      <select class="input small" aria-label="Symbol" value=${symbol} onChange=${(/** @type {any} */ event) => setQuery({ symbol: event.target.value })}>${recording.symbols.map((/** @type {string} */ name) => html`<option key=${name} value=${name}>${name}</option>`)}</select>
      <select class="input small" aria-label=${text.interval} value=${interval} onChange=${(/** @type {any} */ event) => setQuery({ interval: event.target.value })}>${Object.keys(INTERVALS).map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select>
      ${from != null && html`<${Button} small onClick=${() => setQuery({ from: null, interval: null })}>${`${moment(from, "date")} ×`}<//>`}`}>
    ${placing?.step && html`<div class="callout info" role="status">${text.placing[placing.step]}
      ${["peak", "end"].includes(placing.step) && html`<${Button} small kind="plain" onClick=${() => place({ ...placing, step: placing.step === "peak" ? "end" : "done" })}>${text.skip}<//>`}</div>`}
    ${error ? html`<p class="state">${text.noCandles}</p>` : html`<${CandleChart} candles=${candles} gaps=${gaps} marks=${marks} onTime=${placed} label=${`${text.chart} ${symbol}`} class="recording-chart" />`}<//>`;
}

/** @param {{recording: any, symbol: string}} props */
function Gaps({ recording }) {
  const rows = recording.gap_list;
  return html`<${Panel} title=${text.gapList} count=${count(recording.gaps)} flush>${rows.length ? html`<div class="scroll"><${Table} label=${text.gapList} rows=${rows} keyOf=${(/** @type {any} */ row) => `${row.symbol} ${row.stream} ${row.from}`} columns=${GAP_COLUMNS} most=${200} /></div>
      ${!recording.gap_list_complete && html`<p class="small faint state">${text.partial(rows.length)}</p>`}` : html`<${Empty} title=${text.noGaps} />`}<//>`;
}

const GAP_COLUMNS = [
  { name: text.columns.symbols, of: (/** @type {any} */ row) => row.symbol },
  { name: text.stream, of: (/** @type {any} */ row) => row.stream },
  { name: text.cause, of: (/** @type {any} */ row) => html`<span class="badge warn">${row.cause.replace(/_/g, " ")}</span>`, sort: (/** @type {any} */ row) => row.cause },
  { name: text.from, of: (/** @type {any} */ row) => html`<${Time} value=${row.from} />`, sort: (/** @type {any} */ row) => row.from },
  { name: text.long, numeric: true, of: (/** @type {any} */ row) => duration(row.seconds), sort: (/** @type {any} */ row) => row.seconds },
];

/** @param {{recording: any}} props */
function Streams({ recording }) {
  const rows = (recording.stats ?? []).flatMap((/** @type {any} */ one) => one.streams.map((/** @type {any} */ stream) => ({ symbol: one.symbol, ...stream })));
  return html`<${Panel} title=${text.streams} flush><div class="scroll"><${Table} label=${text.streams} rows=${rows} keyOf=${(/** @type {any} */ row) => `${row.symbol} ${row.stream}`} columns=${STREAM_COLUMNS} most=${200} /></div><//>`;
}

const STREAM_COLUMNS = [
  { name: text.columns.symbols, of: (/** @type {any} */ row) => row.symbol, sort: (/** @type {any} */ row) => row.symbol },
  { name: text.stream, of: (/** @type {any} */ row) => row.stream },
  { name: text.rows, numeric: true, of: (/** @type {any} */ row) => count(row.rows), sort: (/** @type {any} */ row) => row.rows },
  { name: text.columns.bytes, numeric: true, of: (/** @type {any} */ row) => size(row.bytes), sort: (/** @type {any} */ row) => row.bytes },
  { name: text.perRow, numeric: true, of: (/** @type {any} */ row) => short(row.bytes_per_row, 2) },
];

/** @param {{recording: any, path: string, symbol: string, onClose: () => void}} props */
function Export({ recording, path, symbol, onClose }) {
  const kinds = [...new Set((recording.stats ?? []).flatMap((/** @type {any} */ one) => one.streams.map((/** @type {any} */ stream) => stream.stream)))];
  const [wanted, want] = useState({ kind: kinds.includes("trades") ? "trades" : kinds[0], format: "csv", symbol });
  const pick = (/** @type {string} */ name) => (/** @type {any} */ event) => want({ ...wanted, [name]: event.target.value });
  const query = new URLSearchParams({ kind: String(wanted.kind), format: wanted.format, ...(wanted.symbol ? { symbol: wanted.symbol } : {}) });
  return html`<${Dialog} title=${text.export} onClose=${onClose}><div class="grid2">
    <${Field} label=${text.stream}><select class="input" value=${wanted.kind} onChange=${pick("kind")}>${kinds.map((kind) => html`<option key=${kind} value=${kind}>${kind}</option>`)}</select><//>
    <${Field} label=${text.columns.symbols}><select class="input" value=${wanted.symbol} onChange=${pick("symbol")}><option value="">all</option>${recording.symbols.map((/** @type {string} */ name) => html`<option key=${name} value=${name}>${name}</option>`)}</select><//>
    <${Field} label="Format"><select class="input" value=${wanted.format} onChange=${pick("format")}><option>csv</option><option>jsonl</option><option>parquet</option></select><//></div>
    <div class="row"><span class="grow"></span><a class="button primary" href=${`${path}/export?${query}`} download onClick=${onClose}>${text.export}</a></div><//>`;
}

/** Says what depends on a recording before it is deleted. @param {{recording: any, path: string, onClose: () => void}} props */
function Remove({ recording, path, onClose }) {
  const uses = useAnswer(() => get(`${path}/uses`), [path]);
  const D = text.depends;
  const about = html`<p>${text.removeAbout}</p>${uses.answer && html`<ul class="stack tight depends">
    ${uses.answer.sessions.length > 0 && html`<li class="bad">${D.sessions}: ${uses.answer.sessions.map(shortId).join(", ")}</li>`}
    ${uses.answer.results.length > 0 && html`<li>${D.results}: ${uses.answer.results.slice(0, 8).map((/** @type {string} */ id) => html`<a key=${id} class="mono" href=${address("/results/:id", { id })}>${shortId(id)} </a>`)}${uses.answer.results.length > 8 ? `+${uses.answer.results.length - 8}` : ""}</li>`}
    ${uses.answer.labels > 0 && html`<li>${D.labels(uses.answer.labels)}</li>`}
    ${!uses.answer.sessions.length && !uses.answer.results.length && !uses.answer.labels && html`<li>${D.none}</li>`}</ul>`}`;
  return html`<${Confirm} title=${text.removeTitle(shortId(recording.session_id))} about=${about} action=${text.remove} danger onClose=${onClose} onYes=${async () => {
    await remove(`/api/data-collection/sessions/${encodeURIComponent(recording.session_id)}`);
    notify("good", text.removed);
    go("/recordings");
  }} />`;
}
