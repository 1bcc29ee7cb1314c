// Pump labels of a recording: listed, placed on the chart, corrected by hand, exported.

import { html, useState } from "../core/view.js";
import { post, put, remove } from "../core/api.js";
import { notify } from "../core/store.js";
import { duration } from "../core/format.js";
import { recordingWords as text } from "../core/words_pages.js";
import { Button, Empty, Field, Loaded, Panel, Time } from "./ui.js";
import { Table } from "./table.js";

/** Marks of a chart. @param {any[]} labels */
export const labelMarks = (labels) => labels.flatMap((label) => [
  ["onset", "entry", text.onset], ["peak", "S1", text.peak], ["end", "exit", text.end],
].filter(([field]) => label[field]).map(([field, what, name]) => ({ id: `${field} ${label.label_id ?? "new"}`, time: Date.parse(label[field]), what, text: name, side: field === "onset" ? "below" : "above" })));

/** @param {{path: string, symbol: string, labels: any, placing: any, place: (next: any) => void, mayTrade: boolean, onShow: (label: any) => void}} props */
export function Labels({ path, symbol, labels, placing, place, mayTrade, onShow }) {
  const begin = () => place({ symbol, step: "onset", grade: "A", note: "" });
  const drop = async (/** @type {any} */ label) => {
    await remove(`${path}/labels/${label.label_id}`);
    notify("good", text.deletedLabel);
    labels.again();
  };
  const columns = [
    { name: text.columns.symbols, of: (/** @type {any} */ row) => row.symbol },
    { name: text.grade, of: (/** @type {any} */ row) => html`<span class="badge">${row.grade}</span>` },
    { name: text.onset, of: (/** @type {any} */ row) => html`<${Time} value=${row.onset} />`, sort: (/** @type {any} */ row) => row.onset },
    { name: text.peak, of: (/** @type {any} */ row) => row.peak ? `+${duration((Date.parse(row.peak) - Date.parse(row.onset)) / 1000)}` : "—", numeric: true },
    { name: text.end, of: (/** @type {any} */ row) => row.end ? `+${duration((Date.parse(row.end) - Date.parse(row.onset)) / 1000)}` : "—", numeric: true },
    { name: text.note, wrap: true, of: (/** @type {any} */ row) => row.note },
    { name: html`<span class="hidden-label">${text.actions}</span>`, class: "right", of: (/** @type {any} */ row) => html`<span class="row"><span class="grow"></span><${Button} small onClick=${() => onShow(row)}>${text.show}<//>
      ${mayTrade && html`<${Button} small onClick=${() => { place({ ...row, step: "done" }); onShow(row); }}>${text.edit}<//><${Button} small kind="plain" onClick=${() => drop(row)}>${text.remove}<//>`}</span>` },
  ];
  return html`<${Panel} title=${text.labels} count=${labels.answer?.total_count} flush actions=${html`
      ${labels.answer?.total_count > 0 && html`<a class="button small" href=${`${path}/labels?format=csv`} download>${text.exportLabels}</a>`}
      ${mayTrade && !placing && html`<${Button} small kind="primary" onClick=${begin}>${text.mark}<//>`}`}>
    ${placing && html`<${Form} path=${path} placing=${placing} place=${place} onSaved=${() => { place(null); labels.again(); }} />`}
    <${Loaded} of=${labels}>${(/** @type {any} */ answer) => html`<${Table} label=${text.labels} columns=${columns} rows=${answer.labels} keyOf=${(/** @type {any} */ row) => String(row.label_id)}
      empty=${html`<${Empty} title=${text.noLabels}>${text.labelsAbout}<//>`} />`}<//><//>`;
}

/** @param {{path: string, placing: any, place: (next: any) => void, onSaved: () => void}} props */
function Form({ path, placing, place, onSaved }) {
  const [error, fail] = useState(/** @type {any} */ (null));
  const problem = (/** @type {string} */ field) => error?.problems?.find((/** @type {any} */ one) => one.path === `/${field}`)?.problem;
  const type = (/** @type {string} */ field) => (/** @type {any} */ event) => place({ ...placing, [field]: event.target.value || undefined });
  const save = async () => {
    const { symbol, grade, onset, peak, end, announced, note } = placing;
    const body = { symbol, grade, onset, ...(peak ? { peak } : {}), ...(end ? { end } : {}), ...(announced ? { announced } : {}), ...(note ? { note } : {}) };
    try {
      if (placing.label_id) await put(`${path}/labels/${placing.label_id}`, body); else await post(`${path}/labels`, body);
      notify("good", text.savedLabel);
      onSaved();
    } catch (refused) { fail(refused); }
  };
  return html`<div class="label-form"><div class="grid3">${["onset", "peak", "end"].map((field) => html`<${Field} key=${field} label=${`${text[/** @type {"onset"|"peak"|"end"} */ (field)]} (UTC)`} problem=${problem(field)}>
      <input class=${`input mono ${placing.step === field ? "waiting-for" : ""}`} value=${placing[field] ?? ""} placeholder="2026-11-29T12:00:00.000Z" onChange=${type(field)} /><//>`)}</div>
    <div class="grid2"><${Field} label=${text.grade} problem=${problem("grade")}><select class="input" value=${placing.grade} onChange=${type("grade")}>${text.grades.map(([key, name]) => html`<option key=${key} value=${key}>${name}</option>`)}</select><//>
      <${Field} label=${text.note}><input class="input" value=${placing.note ?? ""} onInput=${type("note")} /><//></div>
    ${error && html`<div class="callout bad" role="alert">${error.message}</div>`}
    <div class="row"><span class="grow"></span><${Button} onClick=${() => place(null)}>${"Cancel"}<//><${Button} kind="primary" disabled=${!placing.onset} onClick=${save}>${text.save}<//></div></div>`;
}
