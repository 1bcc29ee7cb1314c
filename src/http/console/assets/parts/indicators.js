// The indicators of a strategy with their parameters, and the catalogue they are chosen from.

import { html, useMemo, useState } from "../core/view.js";
import { freeName, pointer, problemsAt, usesOf } from "../core/strategy.js";
import { strategyWords as text } from "../core/words_pages.js";
import { Button, Dialog, Icon } from "./ui.js";
import { Numeric, Problems } from "./rules.js";

/** @typedef {import("./rules.js").Editing} Editing */

/** @param {{of: Editing}} props */
export function Indicators({ of }) {
  const [isChoosing, choose] = useState(false);
  const all = Object.entries(of.doc.indicators ?? {});
  const add = (/** @type {string} */ type) => {
    of.edit(["indicators", freeName(of.doc, type)], { type });
    choose(false);
  };
  return html`<section class="panel section" aria-label=${text.indicators}><header><h2>${text.indicators}</h2><span class="count">${all.length}</span><span class="grow"></span>
      ${!of.isLocked && html`<${Button} small onClick=${() => choose(true)}>${text.addIndicator}<//>`}</header>
    <div class="body stack tight"><${Problems} of=${of} path=${["indicators"]} />
      ${all.length === 0 && html`<p class="small quiet">${text.noIndicators}</p>`}
      ${all.map(([name]) => html`<${Indicator} key=${name} of=${of} name=${name} />`)}</div>
    ${isChoosing && html`<${Catalogue} catalogue=${of.catalogue} onUse=${add} onClose=${() => choose(false)} />`}</section>`;
}

/** @param {{of: Editing, name: string}} props */
function Indicator({ of, name }) {
  const [isOpen, open] = useState(false);
  const spec = of.doc.indicators[name];
  const entry = of.catalogue[String(spec.type ?? "").toUpperCase()];
  const path = ["indicators", name];
  const count = problemsAt(of.problems, path, true).length;
  const uses = usesOf(of.doc, name);
  const rename = (/** @type {string} */ next) => {
    if (!next || next === name || next in of.doc.indicators) return;
    const entries = Object.entries(of.doc.indicators).map(([key, value]) => [key === name ? next : key, value]);
    const rest = JSON.parse(JSON.stringify({ ...of.doc, indicators: undefined }), (_, value) => value === name ? next : value);
    of.edit([], { ...rest, indicators: Object.fromEntries(entries) });
  };
  const given = (entry?.parameters ?? []).filter((/** @type {any} */ one) => spec[one.name] !== undefined);
  return html`<div class=${`indicator ${count ? "bad" : ""}`} data-row=${pointer(path)}>
    <div class="row"><button type="button" class="button plain icon small" aria-expanded=${isOpen} aria-label=${`${name}: ${text.formula}`} onClick=${() => open(!isOpen)}><${Icon} name=${isOpen ? "less" : "more"} /></button>
      <input class="input mono name" aria-label=${text.name} value=${name} disabled=${of.isLocked} onChange=${(/** @type {any} */ event) => rename(event.target.value.trim())} />
      <span class="grow small quiet"><b>${spec.type}</b> ${given.map((/** @type {any} */ one) => `${one.name} ${JSON.stringify(spec[one.name]).replace(/"/g, "")}`).join(", ")}</span>
      <span class="small faint nowrap">${uses ? text.usedTimes(uses) : text.unused}</span>
      ${!of.isLocked && html`<button type="button" class="button plain icon small" disabled=${uses > 0} aria-label=${`${text.remove1} ${name}`} onClick=${() => of.edit(path, undefined)}><${Icon} name="close" /></button>`}</div>
    ${count > 0 && html`<${Problems} of=${of} path=${path} below />`}
    ${isOpen && html`<div class="stack tight indicator-open"><p class="small quiet">${entry?.description}</p>
      ${entry && html`<p class="small faint mono">${entry.formula}</p>`}
      <div class="grid3">${(entry?.parameters ?? []).map((/** @type {any} */ one) => html`<${Parameter} key=${one.name} of=${of} path=${[...path, one.name]} about=${one} />`)}</div></div>`}</div>`;
}

/** @param {{of: Editing, path: any[], about: any}} props */
function Parameter({ of, path, about }) {
  const value = of.doc.indicators[path[1]][about.name];
  const label = html`<span title=${about.description}>${about.name}</span>`;
  if (about.allowed?.length || about.type === "boolean") {
    const words = about.type === "boolean" ? ["true", "false"] : about.allowed;
    return html`<div class="field">${label}<select class="input" aria-label=${about.name} disabled=${of.isLocked} value=${value === undefined ? "" : String(value)}
      onChange=${(/** @type {any} */ event) => of.edit(path, event.target.value === "" ? undefined : about.type === "boolean" ? event.target.value === "true" : event.target.value)}>
      <option value="">${`${about.default ?? "…"} (default)`}</option>${words.map((/** @type {any} */ word) => html`<option key=${word} value=${String(word)}>${String(word)}</option>`)}</select>
      <${Problems} of=${of} path=${path} /></div>`;
  }
  const range = about.min != null || about.max != null ? `${about.min ?? ""} … ${about.max ?? ""}` : "";
  return html`<div class="field"><span title=${about.description}>${about.name}</span><${Numeric} of=${of} path=${path} label=${about.name} hidden fallback=${about.default ?? ""} unit=${range} />
    <span class="hint">${about.description}</span><${Problems} of=${of} path=${path} /></div>`;
}

/** @param {{catalogue: Record<string, any>, onUse: (type: string) => void, onClose: () => void}} props */
function Catalogue({ catalogue, onUse, onClose }) {
  const [query, search] = useState("");
  const found = useMemo(() => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return Object.values(catalogue).filter((one) => words.every((word) => `${one.type} ${one.description} ${one.unit}`.toLowerCase().includes(word)));
  }, [query, catalogue]);
  return html`<${Dialog} title=${text.catalogue} onClose=${onClose}>
    <input class="input" type="search" placeholder=${text.searchCatalogue} aria-label=${text.searchCatalogue} value=${query} onInput=${(/** @type {any} */ event) => search(event.target.value)} />
    <ul class="catalogue">${found.map((one) => html`<li key=${one.type}><div class="row"><b class="mono grow">${one.type}</b><span class="badge">${one.unit}</span><${Button} small onClick=${() => onUse(one.type)}>${text.use}<//></div>
      <p class="small">${one.description}</p><p class="small faint mono">${one.formula}</p></li>`)}</ul><//>`;
}
