// The rules of a strategy: sections as cards, conditions as rows, groups as frames, each with its problems and its
// sentence. A change gives a new document (`edit`); nothing here keeps one.

import { html } from "../core/view.js";
import { OPERATORS, OWN, at, conditionsOf, freeId, pointer, problemsAt, sectionTold, sentence, withAt } from "../core/strategy.js";
import { strategyWords as text } from "../core/words_pages.js";
import { Button, Icon } from "./ui.js";

/**
 * @typedef {{doc: any, edit: (path: any[], value: any) => void, problems: {path: string, problem: string}[],
 *   catalogue: Record<string, any>, isLocked: boolean}} Editing
 */

/** Problems of one place, under it. @param {{of: Editing, path: any[], below?: boolean}} props */
export const Problems = ({ of, path, below }) => {
  const found = problemsAt(of.problems, path, below);
  return found.length ? html`<div role="alert"><ul class="problems">${found.map((one, n) => html`<li key=${n}>${one.problem}</li>`)}</ul></div>` : null;
};

/** @param {string} value */
const numeric = (value) => value.trim() === "" ? undefined : Number.isNaN(Number(value)) ? value : Number(value);

/** @param {{of: Editing, path: any[], label: string, unit?: string, hidden?: boolean, fallback?: any}} props */
export function Numeric({ of, path, label, unit, hidden, fallback }) {
  const value = at(of.doc, path);
  const isBad = problemsAt(of.problems, path).length > 0;
  const input = html`<span class="unit"><input class=${`input ${isBad ? "bad" : ""}`} inputmode="decimal" autocomplete="off" aria-label=${label} aria-invalid=${isBad}
    value=${value ?? ""} placeholder=${fallback ?? ""} disabled=${of.isLocked} data-path=${pointer(path)} onInput=${(/** @type {any} */ event) => of.edit(path, numeric(event.target.value))} />
    ${unit && html`<span class="tail">${unit}</span>`}</span>`;
  if (hidden) return input;
  return html`<div class="field"><span>${label}</span>${input}<${Problems} of=${of} path=${path} /></div>`;
}

/** @param {{of: Editing, path: any[], label: string, options: [string, string][], hidden?: boolean, fallback?: string}} props */
export function Choice({ of, path, label, options, hidden, fallback = "" }) {
  const select = html`<select class="input" aria-label=${label} disabled=${of.isLocked} value=${at(of.doc, path) ?? fallback} data-path=${pointer(path)}
    onChange=${(/** @type {any} */ event) => of.edit(path, event.target.value)}>
    ${options.map(([key, name]) => html`<option key=${key} value=${key}>${name}</option>`)}</select>`;
  return hidden ? select : html`<div class="field"><span>${label}</span>${select}<${Problems} of=${of} path=${path} /></div>`;
}

/** @param {{of: Editing, path: any[], label: string, fallback?: boolean}} props */
export const Check = ({ of, path, label, fallback = false }) => html`<label class="check"><input type="checkbox" disabled=${of.isLocked}
  checked=${at(of.doc, path) ?? fallback} onChange=${(/** @type {any} */ event) => of.edit(path, event.target.checked)} />${label}</label>`;

/** Everything a condition may compare. @param {{of: Editing, path: any[], label: string}} props */
function Operand({ of, path, label }) {
  const value = at(of.doc, path) ?? "";
  const own = Object.keys(of.doc.indicators ?? {});
  const types = Object.keys(of.catalogue);
  const isKnown = !value || own.includes(value) || types.includes(value) || OWN.some(([name]) => name === value);
  return html`<select class="input" aria-label=${label} disabled=${of.isLocked} value=${value} data-path=${pointer(path)}
    onChange=${(/** @type {any} */ event) => of.edit(path, event.target.value || undefined)}>
    <option value="">…</option>
    ${!isKnown && html`<option value=${value}>${value}</option>`}
    <optgroup label=${text.ofDocument}>${own.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</optgroup>
    <optgroup label=${text.own}>${OWN.map(([name, about]) => html`<option key=${name} value=${name}>${about}</option>`)}</optgroup>
    <optgroup label=${text.ofCatalogue}>${types.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</optgroup></select>`;
}

/** @param {{of: Editing, path: any[], last: boolean}} props */
function Condition({ of, path, last }) {
  const condition = at(of.doc, path);
  const own = problemsAt(of.problems, path, true);
  const place = Number(path[path.length - 1]);
  const list = path.slice(0, -1);
  const move = (/** @type {number} */ by) => {
    const all = [...at(of.doc, list)];
    [all[place], all[place + by]] = [all[place + by], all[place]];
    of.edit(list, all);
  };
  const toggle = (/** @type {boolean} */ isOther) => of.edit(path, isOther
    ? { ...condition, value: undefined, compareTo: Object.keys(of.doc.indicators ?? {})[0] ?? "" }
    : { ...condition, compareTo: undefined, multiplier: undefined, offset: undefined, value: 0 });
  const isOther = condition.compareTo !== undefined;
  return html`<li class=${`rule ${own.length ? "bad" : ""} ${condition.enabled === false ? "off" : ""}`} data-row=${pointer(path)}>
    <div class="rule-fields">
      <${Operand} of=${of} path=${[...path, "indicatorId"]} label=${text.left} />
      <${Choice} of=${of} path=${[...path, "operator"]} label=${text.operator} hidden options=${Object.entries(OPERATORS)} />
      ${isOther
        ? html`<span class="row"><${Numeric} of=${of} path=${[...path, "multiplier"]} label=${text.factor} hidden fallback="1" unit="×" />
            <${Operand} of=${of} path=${[...path, "compareTo"]} label=${text.compareTo} /></span>`
        : html`<span class="row"><${Numeric} of=${of} path=${[...path, "value"]} label=${text.right} hidden />
            ${condition.operator === "between" && html`<${Numeric} of=${of} path=${[...path, "valueHigh"]} label=${text.high} hidden />`}</span>`}
      <${Numeric} of=${of} path=${[...path, "forSeconds"]} label=${text.hold} hidden unit=${`${text.hold} ${text.holdUnit}`} fallback="0" />
      <span class="rule-tools">
        <button type="button" class="button plain small" disabled=${of.isLocked} title=${isOther ? text.number : text.other} onClick=${() => toggle(!isOther)}>${isOther ? "123" : "x"}</button>
        <button type="button" class="button plain icon small" disabled=${of.isLocked || place === 0} aria-label=${text.up} onClick=${() => move(-1)}><${Icon} name="less" /></button>
        <button type="button" class="button plain icon small" disabled=${of.isLocked || last} aria-label=${text.down} onClick=${() => move(1)}><${Icon} name="more" /></button>
        <button type="button" class="button plain icon small" disabled=${of.isLocked} aria-label=${text.remove1} onClick=${() => of.edit(path, undefined)}><${Icon} name="close" /></button>
      </span>
    </div>
    <p class="rule-told small"><label class="check small"><input type="checkbox" aria-label=${text.isEnabled} disabled=${of.isLocked} checked=${condition.enabled !== false}
      onChange=${(/** @type {any} */ event) => of.edit([...path, "enabled"], event.target.checked ? undefined : false)} /></label>
      <span>${condition.enabled === false ? `${text.off}: ` : ""}${sentence(condition, of.doc, of.catalogue)}</span></p>
    ${own.length > 0 && html`<div role="alert"><ul class="problems">${own.map((one, n) => html`<li key=${n}>${one.problem}</li>`)}</ul></div>`}
  </li>`;
}

/** Conditions and groups of a section or a group. @param {{of: Editing, path: any[], name: string, isAny?: boolean, depth?: number}} props */
function Rules({ of, path, name, isAny = false, depth = 0 }) {
  const part = at(of.doc, path) ?? {};
  const conditions = part.conditions ?? [];
  const groups = part.groups ?? [];
  const logic = part.logic ?? (isAny ? "OR" : "AND");
  const add = () => of.edit([...path, "conditions"], [...conditions, {
    id: freeId(of.doc, name), indicatorId: Object.keys(of.doc.indicators ?? {})[0] ?? "UNREALIZED_PNL_PCT", operator: ">=", value: 0,
  }]);
  const addGroup = () => of.edit([...path, "groups"], [...groups, { logic: logic === "AND" ? "OR" : "AND", conditions: [] }]);
  return html`<div class="rules">
    <div class="row"><div class="segments" role="group" aria-label=${`${name}: ${text.condition}`}>
      ${[["AND", text.all], ["OR", text.any]].map(([key, word]) => html`<button type="button" key=${key} disabled=${of.isLocked} aria-pressed=${String(logic === key)} onClick=${() => of.edit([...path, "logic"], key)}>${word}</button>`)}</div>
      ${depth > 0 && html`<${Check} of=${of} path=${[...path, "negate"]} label=${text.not} />
        <span class="grow"></span><button type="button" class="button plain icon small" disabled=${of.isLocked} aria-label=${text.remove1} onClick=${() => of.edit(path, undefined)}><${Icon} name="close" /></button>`}</div>
    <ul class="rule-list">${conditions.map((/** @type {any} */ one, /** @type {number} */ n) => html`<${Condition} key=${one.id} of=${of} path=${[...path, "conditions", n]} last=${n === conditions.length - 1} />`)}
      ${groups.map((/** @type {any} */ _, /** @type {number} */ n) => html`<li key=${`group ${n}`} class="rule-group"><${Rules} of=${of} path=${[...path, "groups", n]} name=${name} depth=${depth + 1} /></li>`)}</ul>
    ${!of.isLocked && html`<div class="row wrap"><${Button} small onClick=${add}>${text.addCondition}<//>
      ${depth < 3 && html`<${Button} small kind="plain" onClick=${addGroup}>${text.addGroup}<//>`}</div>`}
    ${part.sequence && html`<p class="small faint">${text.tabs.json}: sequence (${part.sequence.steps?.length ?? 0})</p>`}
  </div>`;
}

const F = text.fields;

/** What a section has beside its conditions. @param {{of: Editing, name: string}} props */
function Extras({ of, name }) {
  const of2 = (/** @type {string} */ key) => [name, key];
  const isOn = (/** @type {any[]} */ path) => at(of.doc, [...path, "enabled"]) === true;
  const cooldown = html`<${Numeric} of=${of} path=${of2("cooldownMinutes")} label=${F.cooldown} unit="min" fallback="0" />`;
  if (name === "o1_cancel") return html`<div class="grid3"><${Numeric} of=${of} path=${of2("timeoutSeconds")} label=${F.timeout} unit="s" />${cooldown}</div>`;
  if (name === "emergency_exit") return html`<div class="grid3">${cooldown}</div>`;
  if (name === "ze1_close") return html`<div class="grid3"><${Numeric} of=${of} path=${of2("closeTimeoutSeconds")} label=${F.closeTimeout} unit="s" fallback="10" />
    <div class="field"><span>${text.isEnabled}</span><${Check} of=${of} path=${["ze1_enabled"]} label=${text.on} fallback=${true} /></div></div>`;
  if (name !== "z1_entry") return null;
  return html`<div class="grid3">
    <${Numeric} of=${of} path=${[name, "positionSize", "value"]} label=${F.size} />
    <${Choice} of=${of} path=${[name, "positionSize", "type"]} label=${F.sizeType} options=${text.sizeTypes} fallback="percentage" />
    <${Numeric} of=${of} path=${of2("leverage")} label=${F.leverage} unit="×" fallback="1" />
    <${Choice} of=${of} path=${of2("orderType")} label=${F.order} options=${text.orders} fallback="limit_ioc" />
    <${Numeric} of=${of} path=${of2("maxSlippagePercent")} label=${F.slippage} unit="%" fallback="0.5" />
    <${Numeric} of=${of} path=${of2("timeoutSeconds")} label=${F.entryTimeout} unit="s" fallback="5" />
    ${["stopLoss", "takeProfit"].map((key) => html`<div class="field" key=${key}><span><${Check} of=${of} path=${[name, key, "enabled"]} label=${key === "stopLoss" ? F.stop : F.target} /></span>
      ${isOn([name, key]) ? html`<${Numeric} of=${of} path=${[name, key, "offsetPercent"]} label=${key === "stopLoss" ? F.stop : F.target} unit="%" hidden />` : html`<p class="small faint">${text.none1}</p>`}
      <${Problems} of=${of} path=${[name, key, "offsetPercent"]} /><${Problems} of=${of} path=${[name, key]} /></div>`)}
  </div>`;
}

/** One of the five sections. @param {{of: Editing, name: string, short: string, isAny: boolean}} props */
export function Section({ of, name, short, isAny }) {
  const [title, about] = text.sections[name];
  const count = problemsAt(of.problems, [name], true).length;
  const isEmpty = !conditionsOf(of.doc[name]).length;
  return html`<section class=${`panel section ${short.toLowerCase()} ${count ? "bad" : ""}`} id=${name} aria-label=${title}>
    <header><span class=${`section-word ${short.toLowerCase()}`}>${short}</span><div><h2>${title.split(" · ")[1]}</h2><p class="small faint">${about}</p></div>
      <span class="grow"></span>${count > 0 && html`<span class="badge bad">${text.problems(count)}</span>`}</header>
    <div class="body stack">
      <p class="told">${sectionTold(name, of.doc, of.catalogue)}</p>
      <${Problems} of=${of} path=${[name]} /><${Problems} of=${of} path=${[name, "conditions"]} />
      ${isEmpty && text.emptySection[name] && html`<p class="small quiet">${text.emptySection[name]}</p>`}
      <${Rules} of=${of} path=${[name]} name=${short} isAny=${isAny} />
      <${Extras} of=${of} name=${name} />
    </div></section>`;
}

/** Stops beyond the sections, and limits. @param {{of: Editing}} props */
export function Protection({ of }) {
  const isOn = (/** @type {string} */ key) => of.doc[key]?.enabled === true;
  return html`<section class="panel section" aria-label=${F.protection}><header><h2>${F.protection}</h2></header><div class="body stack">
    <div class="grid3">
      <div class="field"><span><${Check} of=${of} path=${["trailingStop", "enabled"]} label=${F.trailing} /></span>
        ${isOn("trailingStop") && html`<span class="row"><${Numeric} of=${of} path=${["trailingStop", "activationPercent"]} label=${F.activation} unit=${`${F.activation} %`} hidden />
          <${Numeric} of=${of} path=${["trailingStop", "distancePercent"]} label=${F.distance} unit="% back" hidden /></span>`}<${Problems} of=${of} path=${["trailingStop"]} below /></div>
      <div class="field"><span><${Check} of=${of} path=${["breakEven", "enabled"]} label=${F.breakEven} /></span>
        ${isOn("breakEven") && html`<${Numeric} of=${of} path=${["breakEven", "activationPercent"]} label=${F.activation} unit=${`${F.activation} %`} hidden />`}<${Problems} of=${of} path=${["breakEven"]} below /></div>
      <${Numeric} of=${of} path=${["maxHoldSeconds"]} label=${F.maxHold} unit="s" />
      <${Numeric} of=${of} path=${["global_limits", "max_daily_trades"]} label=${F.daily} />
      <${Numeric} of=${of} path=${["global_limits", "daily_loss_limit_pct"]} label=${F.loss} unit="%" />
      <${Numeric} of=${of} path=${["global_limits", "max_concurrent_positions"]} label=${F.concurrent} />
    </div></div></section>`;
}

/** Changes a document at a place. @param {any} doc @param {any[]} path @param {any} value */
export const edited = (doc, path, value) => withAt(doc, path, value);
