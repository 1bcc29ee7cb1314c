// Tables: columns are data, rows can be sorted, opened and walked through with j, k and Enter.

import { html, useMemo, useState } from "../core/view.js";
import { Empty } from "./ui.js";

/**
 * @typedef {{name: any, of: (row: any) => any, numeric?: boolean, sort?: (row: any) => any, wrap?: boolean, class?: string}} Column
 *   `of` makes the cell, `sort` the value to sort by.
 */

/**
 * @param {{columns: Column[], rows: any[], keyOf: (row: any) => string, onOpen?: (row: any) => void,
 *   marked?: string|null, detail?: (row: any) => any, empty?: any, label: string, sorted?: [number, 1|-1], most?: number}} props
 *   `detail` is shown below the marked row.
 */
export function Table({ columns, rows, keyOf, onOpen, marked, detail, empty, label, sorted, most = 500 }) {
  const [order, setOrder] = useState(sorted ?? null);
  const shown = useMemo(() => {
    if (!order || !columns[order[0]]?.sort) return rows.slice(0, most);
    const { sort } = columns[order[0]];
    const value = /** @type {(row: any) => any} */ (sort);
    const compared = (/** @type {any} */ a, /** @type {any} */ b) => {
      const [x, y] = [value(a), value(b)];
      if (x == null || y == null) return x == null ? (y == null ? 0 : 1) : -1;
      return (x < y ? -1 : x > y ? 1 : 0) * order[1];
    };
    return [...rows].sort(compared).slice(0, most);
  }, [rows, order, columns.length, most]);
  if (!rows.length) return empty ?? html`<${Empty} title="—" />`;
  const by = (/** @type {number} */ index) =>
    setOrder(order?.[0] === index ? [index, order[1] === 1 ? -1 : 1] : [index, columns[index].numeric ? -1 : 1]);
  const open = (/** @type {any} */ event, /** @type {any} */ row) => {
    if (!onOpen || event.target.closest("a, button, input, select, label")) return;
    onOpen(row);
  };
  return html`<table class="table" aria-label=${label}>
    <thead><tr>${columns.map((column, index) => html`<th key=${index} scope="col" class=${`${column.numeric ? "n" : ""} ${column.class ?? ""}`}
      aria-sort=${order?.[0] === index ? (order[1] === 1 ? "ascending" : "descending") : undefined}>
      ${column.sort ? html`<button type="button" onClick=${() => by(index)}>${column.name}${order?.[0] === index ? (order[1] === 1 ? " ↑" : " ↓") : ""}</button>` : column.name}</th>`)}</tr></thead>
    <tbody>${shown.map((row) => {
      const key = keyOf(row);
      return html`<${Row} key=${key} columns=${columns} row=${row} isMarked=${marked === key} hasLink=${Boolean(onOpen)}
        open=${open} detail=${marked === key ? detail : null} id=${key} />`;
    })}</tbody></table>
    ${rows.length > shown.length && html`<p class="small faint state">${shown.length} of ${rows.length} rows are shown</p>`}`;
}

/** @param {any} props */
function Row({ columns, row, isMarked, hasLink, open, detail, id }) {
  return html`<tr class=${`${hasLink ? "link" : ""} ${isMarked ? "marked" : ""}`} data-row=${id} tabindex=${hasLink ? 0 : undefined}
      onClick=${(/** @type {any} */ event) => open(event, row)}
      onKeyDown=${(/** @type {any} */ event) => { if (event.key === "Enter" && event.target === event.currentTarget) open(event, row); }}>
      ${columns.map((/** @type {Column} */ column, /** @type {number} */ index) => html`<td key=${index}
        class=${`${column.numeric ? "n" : ""} ${column.wrap ? "wrap" : ""} ${column.class ?? ""}`}>${column.of(row)}</td>`)}</tr>
    ${detail && html`<tr class="detail"><td colspan=${columns.length}>${detail(row)}</td></tr>`}`;
}
