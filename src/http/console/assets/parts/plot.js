// Small drawings in SVG: dots and bars. What grows with time is drawn by parts/chart.js.

import { html } from "../core/view.js";
import { short } from "../core/format.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 260, 52, 12, 12, 32];
const DOTS = 2000;

/** Round numbers across a span. @param {number} low @param {number} high */
function ticks(low, high) {
  const raw = (high - low) / 5 || 1;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= raw) ?? raw;
  const all = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6 && all.length < 20; at += step) all.push(at);
  return all;
}

/** @param {{x: [number, number], y: [number, number], xName: string, yName: string, children: any, label: string}} props */
function Axes({ x, y, xName, yName, children, label }) {
  const px = (/** @type {number} */ value) => LEFT + (value - x[0]) / (x[1] - x[0] || 1) * (WIDTH - LEFT - RIGHT);
  const py = (/** @type {number} */ value) => HEIGHT - BOTTOM - (value - y[0]) / (y[1] - y[0] || 1) * (HEIGHT - TOP - BOTTOM);
  return html`<svg class="plot" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
    ${ticks(...y).map((at) => html`<g key=${`y${at}`}><line class="grid" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${py(at)} y2=${py(at)} /><text x=${LEFT - 6} y=${py(at) + 4} text-anchor="end">${short(at, 3)}</text></g>`)}
    ${ticks(...x).map((at) => html`<text key=${`x${at}`} x=${px(at)} y=${HEIGHT - BOTTOM + 16} text-anchor="middle">${short(at, 3)}</text>`)}
    <line class="axis" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${HEIGHT - BOTTOM} y2=${HEIGHT - BOTTOM} />
    <text x=${WIDTH - RIGHT} y=${HEIGHT - 4} text-anchor="end">${xName}</text><text x=${LEFT + 4} y=${TOP + 4}>${yName}</text>
    ${children(px, py)}</svg>`;
}

/**
 * @param {{dots: {id: string, x: number, y: number, isGood: boolean, title: string}[], chosen: string|null, onChoose: (id: string) => void,
 *   xName: string, yName: string, label: string}} props
 */
export function Scatter({ dots, chosen, onChoose, xName, yName, label }) {
  const shown = dots.slice(0, DOTS);
  const span = (/** @type {number[]} */ values) => /** @type {[number, number]} */ ([Math.min(0, ...values), Math.max(0, ...values) * 1.05 || 1]);
  return html`<${Axes} x=${span(shown.map((dot) => dot.x))} y=${span(shown.map((dot) => dot.y))} xName=${xName} yName=${yName} label=${label}>${(/** @type {any} */ px, /** @type {any} */ py) =>
    shown.map((dot) => html`<circle key=${dot.id} cx=${px(dot.x)} cy=${py(dot.y)} r="4" class=${`${dot.isGood ? "fillup" : "filldown"} ${dot.id === chosen ? "marked" : ""}`} onClick=${() => onChoose(dot.id)}><title>${dot.title}</title></circle>`)}<//>`;
}

/** How often values fall into each of some twenty spans. @param {{values: number[], xName: string, yName: string, label: string}} props */
export function Histogram({ values, xName, yName, label }) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const width = (high - low) / 20 || 1;
  const from = Math.floor(low / width) * width;
  /** @type {number[]} */
  const bins = Array.from({ length: Math.ceil((high - from) / width) + 1 }, () => 0);
  for (const value of values) bins[Math.floor((value - from) / width + 1e-9)] += 1;
  return html`<${Axes} x=${[from, from + bins.length * width]} y=${[0, Math.max(1, ...bins)]} xName=${xName} yName=${yName} label=${label}>${(/** @type {any} */ px, /** @type {any} */ py) =>
    bins.map((many, n) => many > 0 && html`<rect key=${n} class=${from + (n + 0.5) * width >= 0 ? "fillup" : "filldown"} x=${px(from + n * width) + 1} width=${Math.max(1, px(from + (n + 1) * width) - px(from + n * width) - 2)} y=${py(many)} height=${py(0) - py(many)}><title>${many}</title></rect>`)}<//>`;
}

/** Rows and columns of money, coloured by size. @param {{rows: {name: string, cells: (number|null)[]}[], columns: string[], label: string, total: string, digits?: number}} props */
export function HeatMap({ rows, columns, label, total, digits = 2 }) {
  const most = Math.max(...rows.flatMap((row) => row.cells.map((cell) => Math.abs(cell ?? 0))), 1e-9);
  const cell = (/** @type {number|null} */ value, /** @type {any} */ key) => html`<td key=${key} class=${value == null || value === 0 ? "" : value > 0 ? "gain" : "lost"} style=${{ "--depth": `${10 + 40 * Math.min(1, Math.abs(value ?? 0) / most)}%` }}>${value == null ? "" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${short(Math.abs(value), digits)}`}</td>`;
  return html`<div class="scroll" tabindex="0" aria-label=${label}><table class="heat" aria-label=${label}><thead><tr><th scope="col"><span class="hidden-label">${label}</span></th>${columns.map((name) => html`<th key=${name} scope="col">${name}</th>`)}<th scope="col">${total}</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.name}><th scope="row">${row.name}</th>${row.cells.map(cell)}${cell(row.cells.reduce((/** @type {number} */ sum, value) => sum + (value ?? 0), 0), "total")}</tr>`)}</tbody></table></div>`;
}
