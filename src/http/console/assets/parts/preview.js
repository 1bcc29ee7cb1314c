// The preview of a document on recorded data: asked while somebody types, the newest question wins.

import { html, useEffect, useMemo, useRef, useState } from "../core/view.js";
import { Refused, get, post } from "../core/api.js";
import { count, duration, moment, number } from "../core/format.js";
import { useCandles } from "../core/candles.js";
import { strategyWords as text } from "../core/words_pages.js";
import { Empty, Field, Panel, Pnl, Time, useAnswer } from "./ui.js";
import { CandleChart } from "./chart.js";

/** After the last keystroke. */
const QUIET_MS = 150;
const DAY_MS = 86_400_000;

/** @param {{doc: any, isValid: boolean, onProblems: (problems: any[]) => void}} props */
export function Preview({ doc, isValid, onProblems }) {
  const [chosen, choose] = useState(() => read());
  const list = useAnswer(() => get("/api/data-collection/sessions?limit=100"), []);
  const recordings = (list.answer?.sessions ?? []).filter((/** @type {any} */ one) => one.prices_count > 0 || one.data_types.includes("candles"));
  const recording = recordings.find((/** @type {any} */ one) => one.session_id === chosen.recording) ?? recordings.find((/** @type {any} */ one) => one.status === "completed") ?? recordings[0];
  const symbol = recording?.symbols.includes(chosen.symbol) ? chosen.symbol : recording?.symbols[0];
  const pick = (/** @type {any} */ changes) => { const next = { ...chosen, ...changes }; choose(next); localStorage.setItem("preview", JSON.stringify(next)); };
  const shown = usePreview(doc, recording?.session_id, symbol, chosen.from, onProblems);
  if (list.answer && !recording) return html`<${Panel} title=${text.preview}><${Empty} title=${text.noRecordings[0]}>${text.noRecordings[1]}<//><//>`;
  return html`<${Panel} title=${text.preview} class="preview">
    <div class="stack">
      <div class="grid2"><${Field} label=${text.recording}><select class="input" value=${recording?.session_id} onChange=${(/** @type {any} */ event) => pick({ recording: event.target.value, from: null })}>
          ${recordings.map((/** @type {any} */ one) => html`<option key=${one.session_id} value=${one.session_id}>${`${moment(one.start_time, "minute")} · ${duration(one.duration_seconds)} · ${one.symbols.slice(0, 3).join(", ")}`}</option>`)}</select><//>
        <${Field} label=${text.symbol}><select class="input" value=${symbol} onChange=${(/** @type {any} */ event) => pick({ symbol: event.target.value })}>
          ${(recording?.symbols ?? []).map((/** @type {string} */ name) => html`<option key=${name} value=${name}>${name}</option>`)}</select><//></div>
      ${recording && recording.duration_seconds > 86_400 && html`<${Days} recording=${recording} from=${shown.answer?.from ?? chosen.from} onFrom=${(/** @type {string} */ from) => pick({ from })} />`}
      ${!isValid && !shown.answer ? html`<p class="small quiet">${text.noPreview}</p>` : html`<${Outcome} shown=${shown} recording=${recording?.session_id} symbol=${symbol} />`}
    </div><//>`;
}

function read() {
  try { return JSON.parse(localStorage.getItem("preview") ?? "{}"); } catch { return {}; }
}

/** @param {{recording: any, from: string|null, onFrom: (from: string) => void}} props */
function Days({ recording, from, onFrom }) {
  const at = Date.parse(from ?? recording.end_time);
  const go = (/** @type {number} */ by) => onFrom(new Date(Math.min(Date.parse(recording.end_time) - 1000, Math.max(Date.parse(recording.start_time), at + by * DAY_MS))).toISOString());
  return html`<div class="row"><button type="button" class="button small" onClick=${() => go(-1)}>‹ ${text.day}</button><span class="small quiet grow center"><${Time} value=${at} what="minute" /></span>
    <button type="button" class="button small" onClick=${() => go(1)}>${text.later} ›</button></div>`;
}

/**
 * Asks when the document has been quiet for a moment; a question that is no longer the newest is given up.
 * @param {any} doc @param {string|undefined} recording @param {string|undefined} symbol @param {string|null|undefined} from @param {(problems: any[]) => void} onProblems
 */
function usePreview(doc, recording, symbol, from, onProblems) {
  const [held, hold] = useState(/** @type {{answer: any, error: any, isBusy: boolean}} */ ({ answer: null, error: null, isBusy: false }));
  const tell = useRef(onProblems);
  tell.current = onProblems;
  useEffect(() => {
    if (!recording || !symbol) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      hold((before) => ({ ...before, isBusy: true }));
      try {
        const answer = await post("/api/preview", { document: doc, recording_id: recording, symbol, ...(from ? { from } : {}) }, { signal: stop.signal });
        hold({ answer, error: null, isBusy: false });
        tell.current([]);
      } catch (error) {
        if (stop.signal.aborted || (error instanceof Refused && error.code === "preview_superseded")) return;
        if (error instanceof Refused && error.code === "invalid_strategy") tell.current(error.problems);
        hold((before) => ({ answer: error instanceof Refused && error.code === "invalid_strategy" ? before.answer : null, error, isBusy: false }));
      }
    }, QUIET_MS);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [doc, recording, symbol, from]);
  return held;
}

/** @param {{shown: {answer: any, error: any, isBusy: boolean}, recording: string|undefined, symbol: string|undefined}} props */
function Outcome({ shown, recording, symbol }) {
  const { answer, error, isBusy } = shown;
  const span = answer ? (Date.parse(answer.to) - Date.parse(answer.from)) / 1000 : 0;
  const interval = span > 43_200 ? "1m" : span > 3_600 ? "15s" : "1s";
  const { candles, gaps } = useCandles({
    recording: answer ? recording : null, symbol: symbol ?? "", interval,
    from: answer ? Date.parse(answer.from) : null, to: answer ? Date.parse(answer.to) : null,
  });
  const marks = useMemo(() => answer ? marksOf(answer) : [], [answer]);
  const invalid = error?.code === "invalid_strategy";
  return html`<div class=${`stack ${isBusy || invalid ? "waiting" : ""}`} aria-busy=${isBusy}>
    ${error && !invalid && html`<div class="callout bad" role="alert">${error.message}</div>`}
    ${invalid && html`<p class="small quiet">${text.noPreview}</p>`}
    ${answer && html`<p class="traded" role="status">${text.traded(answer.counts.trades)}</p>
      <dl class="tiles"><div class="tile"><dt>${text.signals}</dt><dd>${count(answer.counts.signals)}</dd></div>
        <div class="tile"><dt>${text.trades}</dt><dd>${count(answer.counts.trades)}</dd></div>
        <div class="tile"><dt>${text.won}</dt><dd>${count(answer.counts.wins)}</dd></div>
        <div class="tile"><dt>${text.net} ${answer.currency ?? ""}</dt><dd><${Pnl} value=${answer.net_profit} /></dd></div></dl>
      <${CandleChart} candles=${candles} marks=${marks} gaps=${gaps} label=${text.preview} class="preview-chart" />
      ${!answer.complete && html`<div class="callout">${text.partial(moment(answer.reached))}</div>`}
      ${answer.warnings.map((/** @type {string} */ one) => html`<div class="callout" key=${one}>${one}</div>`)}
      ${answer.no_trade_reason && html`<details class="small"><summary>${text.noTrade}</summary><p class="quiet">${typeof answer.no_trade_reason === "string" ? answer.no_trade_reason : answer.no_trade_reason.text ?? JSON.stringify(answer.no_trade_reason)}</p></details>`}
      <p class="small faint">${duration(span)} · ${text.computed(count(answer.events), number(answer.elapsed_ms, 0))}</p>`}</div>`;
}

/** Sections that fired, and trades. @param {any} answer */
function marksOf(answer) {
  const fired = answer.marks.map((/** @type {any} */ mark, /** @type {number} */ n) => ({ id: `m${n}`, time: Date.parse(mark.time), price: mark.price, what: mark.section, text: mark.section }));
  const trades = answer.trades.flatMap((/** @type {any} */ trade, /** @type {number} */ n) => [
    { id: `e${n}`, time: Date.parse(trade.entry_time), price: trade.entry_price, what: trade.side === "short" ? "short entry" : "entry", text: "" },
    { id: `x${n}`, time: Date.parse(trade.exit_time), price: trade.exit_price, what: trade.net > 0 ? "gain" : "loss", text: trade.reason },
  ]);
  return [...fired, ...trades];
}
