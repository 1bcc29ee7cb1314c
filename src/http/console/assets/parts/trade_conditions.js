// The conditions around one trade, each with its threshold: run again by the daemon when a trade is opened.

import { html } from "../core/view.js";
import { get } from "../core/api.js";
import { moment, short } from "../core/format.js";
import { OPERATORS } from "../core/strategy.js";
import { noteWords as text } from "../core/words_pages.js";
import { useAnswer } from "./ui.js";

const [WIDTH, HEIGHT, EDGE] = [600, 64, 4];

/** @param {{path: string, number: number}} props number of the trade, from 1 */
export function TradeConditions({ path, number }) {
  const asked = useAnswer(() => get(`${path}/trades/${number}/chart`), [path, number]);
  if (asked.error) return html`<p class="small quiet">${asked.error.message}</p>`;
  const chart = asked.answer;
  if (!chart || chart.trade?.entry_time == null) return html`<p class="small quiet" role="status">${text.running}</p>`;
  const times = chart.times.map((/** @type {string} */ time) => Date.parse(time));
  return html`<section class="stack tight" aria-label=${text.conditions}><h3>${text.conditions}</h3>
    ${!chart.complete && html`<p class="small warn">${text.incomplete}</p>`}
    <ul class="series-list">${chart.conditions.filter((/** @type {any} */ one) => one.values.some((/** @type {any} */ value) => value != null)).map((/** @type {any} */ one) => html`<li key=${`${one.section} ${one.id}`}>
      <p class="small row"><span class=${`section-word ${one.section.toLowerCase()}`}>${one.section}</span><b>${one.indicator.replace(/_/g, " ")}</b>
        <span class="quiet">${OPERATORS[one.operator] ?? one.operator} ${one.threshold == null ? text.moving : short(one.threshold, 4)}${one.threshold_high == null ? "" : ` … ${short(one.threshold_high, 4)}`}</span></p>
      <${Line} of=${one} times=${times} trade=${chart.trade} /></li>`)}</ul></section>`;
}

/** A value over time with its threshold; filled where the condition was met. @param {{of: any, times: number[], trade: any}} props */
function Line({ of, times, trade }) {
  const thresholds = of.thresholds ?? of.values.map(() => of.threshold);
  const all = [...of.values, ...thresholds, of.threshold_high].filter((value) => value != null);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const [first, last] = [times[0], times[times.length - 1]];
  const x = (/** @type {number} */ time) => (WIDTH * (time - first)) / Math.max(1, last - first);
  const y = (/** @type {number} */ value) => HEIGHT - EDGE - ((HEIGHT - 2 * EDGE) * (value - low)) / (high - low || 1);
  const path = (/** @type {(number|null)[]} */ values) => {
    let pen = "M";
    return values.map((value, n) => { if (value == null) { pen = "M"; return ""; } const step = `${pen}${x(times[n]).toFixed(1)} ${y(value).toFixed(1)}`; pen = "L"; return step; }).join("");
  };
  const width = WIDTH / Math.max(1, times.length - 1);
  const [entry, exit] = [Date.parse(trade.entry_time), Date.parse(trade.exit_time)];
  const inside = of.values.filter((/** @type {any} */ value) => value != null);
  return html`<svg class="series" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${`${of.indicator}: ${short(Math.min(...inside), 4)} … ${short(Math.max(...inside), 4)}, ${moment(first, "time")} – ${moment(last, "time")}`}>
    ${of.met.map((/** @type {any} */ met, /** @type {number} */ n) => met === true && html`<rect key=${n} class="met" x=${x(times[n])} y="0" width=${width + 0.6} height=${HEIGHT} />`)}
    <line class="edge" x1=${x(entry)} x2=${x(entry)} y1="0" y2=${HEIGHT} /><line class="edge" x1=${x(exit)} x2=${x(exit)} y1="0" y2=${HEIGHT} />
    <path class="threshold" d=${path(thresholds)} /><path class="value" d=${path(of.values)} /></svg>`;
}
