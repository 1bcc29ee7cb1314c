// All recordings, newest first: collect, upload, open.

import { html, useRef, useState } from "../core/view.js";
import { Refused, get, isDecided, newKey, postOnce } from "../core/api.js";
import { loadSessions } from "../core/live.js";
import { address, go, setQuery } from "../core/router.js";
import { notify, useStore } from "../core/store.js";
import { count, duration, share, shortId, size } from "../core/format.js";
import { sendFile } from "../core/upload.js";
import { recordingWords as text } from "../core/words_pages.js";
import { Button, Dialog, Empty, Field, Loaded, PageHead, Panel, StatusBadge, Time, useAnswer } from "../parts/ui.js";
import { Table } from "../parts/table.js";

/** @param {{query: URLSearchParams}} props */
export default function Recordings({ query }) {
  const symbol = query.get("symbol") ?? "";
  const [dialog, open] = useState("");
  const [older, more] = useState(/** @type {any[]} */ ([]));
  const [cursor, next] = useState(/** @type {string|null} */ (null));
  const mayTrade = useStore((state) => state.me?.role !== "viewer");
  const path = (/** @type {string} */ before) => `/api/data-collection/sessions?limit=100${symbol ? `&symbol=${encodeURIComponent(symbol)}` : ""}${before ? `&cursor=${encodeURIComponent(before)}` : ""}`;
  const first = useAnswer(() => get(path("")), [symbol]);
  const load = async () => {
    const part = await get(path(cursor ?? first.answer.next_cursor));
    more([...older, ...part.sessions]);
    next(part.next_cursor ?? "");
  };
  return html`<${PageHead} title=${text.title} about=${text.about}>
      <input class="input search" type="search" placeholder=${text.search} aria-label=${text.search} value=${symbol} onChange=${(/** @type {any} */ event) => { more([]); next(null); setQuery({ symbol: event.target.value.trim() }); }} />
      ${mayTrade && html`<${Button} onClick=${() => open("upload")}>${text.upload}<//><${Button} kind="primary" onClick=${() => open("collect")}>${text.collect}<//>`}<//>
    <${Panel} flush><${Loaded} of=${first} rows=${6}>${(/** @type {any} */ answer) => html`<${Table} label=${text.title} columns=${COLUMNS} rows=${[...answer.sessions, ...older]}
        keyOf=${(/** @type {any} */ row) => row.session_id} onOpen=${(/** @type {any} */ row) => go("/recordings/:id", { id: row.session_id })}
        empty=${html`<${Empty} title=${text.none[0]} action=${mayTrade && html`<${Button} kind="primary" onClick=${() => open("upload")}>${text.upload}<//>`}>${text.none[1]}<//>`} />
      ${(cursor ?? answer.next_cursor) && html`<div class="state"><${Button} onClick=${load}>${text.more}<//></div>`}`}<//><//>
    ${dialog === "upload" && html`<${Upload} onClose=${() => open("")} onDone=${(/** @type {any} */ made) => { open(""); go("/recordings/:id", { id: made.session_id }); }} />`}
    ${dialog === "collect" && html`<${Collect} onClose=${() => open("")} />`}`;
}

const C = text.columns;
const COLUMNS = [
  { name: C.id, sort: (/** @type {any} */ row) => row.session_id, of: (/** @type {any} */ row) => html`<a class="mono" title=${row.session_id} href=${address("/recordings/:id", { id: row.session_id })}>${shortId(row.session_id)}</a>` },
  { name: C.state, of: (/** @type {any} */ row) => html`<${StatusBadge} status=${row.status} />` },
  { name: C.symbols, of: (/** @type {any} */ row) => html`<span title=${row.symbols.join(", ")}>${row.symbols.slice(0, 3).join(", ")}${row.symbols.length > 3 ? ` +${row.symbols.length - 3}` : ""}</span>` },
  { name: C.start, sort: (/** @type {any} */ row) => row.start_time, of: (/** @type {any} */ row) => html`<${Time} value=${row.start_time} what="minute" />` },
  { name: C.length, numeric: true, sort: (/** @type {any} */ row) => row.duration_seconds, of: (/** @type {any} */ row) => duration(row.duration_seconds) },
  { name: C.trades, numeric: true, sort: (/** @type {any} */ row) => row.prices_count, of: (/** @type {any} */ row) => count(row.prices_count) },
  { name: C.book, numeric: true, sort: (/** @type {any} */ row) => row.orderbook_count, of: (/** @type {any} */ row) => count(row.orderbook_count) },
  { name: C.bytes, numeric: true, sort: (/** @type {any} */ row) => row.bytes, of: (/** @type {any} */ row) => size(row.bytes) },
  { name: C.gaps, numeric: true, sort: (/** @type {any} */ row) => row.gaps, of: (/** @type {any} */ row) => html`<span class=${row.gaps ? "warn" : "faint"}>${count(row.gaps)}</span>` },
  { name: C.coverage, numeric: true, sort: (/** @type {any} */ row) => row.coverage_pct, of: (/** @type {any} */ row) => html`<span class=${row.coverage_pct == null || row.coverage_pct >= 99 ? "" : "warn"}>${share(row.coverage_pct)}</span>` },
];

/** @param {{onClose: () => void, onDone: (made: any) => void}} props */
function Upload({ onClose, onDone }) {
  const [file, choose] = useState(/** @type {File|null} */ (null));
  const [sent, progress] = useState(/** @type {number|null} */ (null));
  const [error, fail] = useState(/** @type {any} */ (null));
  const stop = useRef(/** @type {(() => void)|null} */ (null));
  const start = async () => {
    if (!file) return;
    fail(null);
    progress(0);
    const sending = sendFile(file, progress);
    stop.current = sending.stop;
    try {
      const made = await sending.done;
      notify("good", text.uploaded(count(made.records_collected)));
      onDone(made);
    } catch (refused) { fail(refused); progress(null); }
  };
  const close = () => { stop.current?.(); onClose(); };
  return html`<${Dialog} title=${text.uploadTitle} onClose=${close}>
    <p class="quiet small">${text.uploadAbout}</p>
    <${Field} label=${text.file}><input class="input" type="file" accept=".csv,.jsonl,.parquet,.gz,.zst" disabled=${sent != null} onChange=${(/** @type {any} */ event) => { choose(event.target.files[0] ?? null); fail(null); }} /><//>
    ${sent != null && html`<div class="stack tight" role="status"><progress class="bar" max="1" value=${sent < 1 ? sent : undefined} aria-label=${text.sending}></progress>
      <p class="small quiet">${sent < 1 ? `${text.sending}: ${Math.round(100 * sent)} % of ${size(file?.size)}` : text.reading}</p></div>`}
    ${error && html`<div class="callout bad" role="alert">${place(error)}</div>`}
    <div class="row"><span class="grow"></span><${Button} kind="primary" disabled=${!file || sent != null} onClick=${start}>${text.start}<//></div><//>`;
}

/** The place of a bad row stands in the message: file, line, column. @param {any} error */
const place = (error) => error instanceof Refused && error.problems.length ? error.problems.map((one) => one.problem).join("\n") : error.message;

/** @param {{onClose: () => void}} props */
function Collect({ onClose }) {
  const configured = useAnswer(() => get("/symbols"), []);
  const [typed, type] = useState(/** @type {string|null} */ (null));
  const [length, last] = useState("1h");
  const [error, fail] = useState("");
  const key = useRef(newKey());
  const shown = typed ?? (configured.answer?.symbols ?? []).join(", ");
  const start = async () => {
    const symbols = shown.split(/[\s,]+/).filter(Boolean);
    try {
      const begun = await postOnce("/sessions/start", { session_type: "collect", symbols, config: { duration: length }, idempotent: true }, key.current);
      notify("good", text.collecting);
      loadSessions();
      go("/board/:id", { id: begun.session_id });
    } catch (refused) { if (isDecided(refused)) key.current = newKey(); fail(/** @type {Error} */ (refused).message); }
  };
  return html`<${Dialog} title=${text.collectTitle} onClose=${onClose}><p class="quiet small">${text.collectAbout}</p>
    <${Field} label=${text.symbols}><textarea class="input" rows="3" value=${shown} onInput=${(/** @type {any} */ event) => type(event.target.value)}></textarea><//>
    <${Field} label=${text.duration}><select class="input" value=${length} onChange=${(/** @type {any} */ event) => last(event.target.value)}>${text.durations.map(([value, name]) => html`<option key=${value} value=${value}>${name}</option>`)}</select><//>
    ${error && html`<div class="callout bad" role="alert">${error}</div>`}
    <div class="row"><span class="grow"></span><${Button} onClick=${onClose}>${"Cancel"}<//><${Button} kind="primary" onClick=${start}>${text.collectStart}<//></div><//>`;
}
