// What a strategy document says, without a screen: sections, sentences, places in it, differences between two.

/** @typedef {any} Doc */
/** @typedef {(string|number)[]} Path */

/** The five sections: key in the document, short name, whether they are OR by default. */
export const SECTIONS = /** @type {{key: string, name: string, any: boolean}[]} */ ([
  { key: "s1_signal", name: "S1", any: false },
  { key: "o1_cancel", name: "O1", any: false },
  { key: "z1_entry", name: "Z1", any: false },
  { key: "ze1_close", name: "ZE1", any: false },
  { key: "emergency_exit", name: "E1", any: true },
]);

export const OPERATORS = /** @type {Record<string, string>} */ ({
  ">": "is above", ">=": "is at least", "<": "is below", "<=": "is at most", "==": "is", "!=": "is not",
  between: "is between", crosses_above: "crosses above", crosses_below: "crosses below",
});

/** Values that need no indicator: of the position, the signal, the session. */
export const OWN = /** @type {[string, string][]} */ ([
  ["UNREALIZED_PNL_PCT", "profit of the position, %"], ["LOSS_PCT", "loss of the position, %"], ["ROE_PCT", "return on margin, %"],
  ["DRAWDOWN_FROM_PEAK_PCT", "fall from the best price, %"], ["POSITION_AGE_SECONDS", "age of the position, s"],
  ["SIGNAL_AGE_SECONDS", "age of the signal, s"], ["LIQUIDATION_DISTANCE_PCT", "distance to liquidation, %"],
  ["SESSION_PNL_PCT", "profit of the session, %"], ["OPEN_POSITIONS", "open positions"], ["PORTFOLIO_EXPOSURE_PCT", "exposure of the session, %"],
]);

/** A document that validates but for its empty S1. @returns {Doc} */
export const blank = () => ({
  strategy_name: "", description: "", direction: "LONG", enabled: true, category: "momentum", tags: [],
  indicators: {},
  s1_signal: { logic: "AND", conditions: [] },
  o1_cancel: { logic: "OR", conditions: [], timeoutSeconds: 60, cooldownMinutes: 5 },
  z1_entry: {
    logic: "AND", conditions: [], positionSize: { type: "percentage", value: 10, basis: "notional" }, orderType: "limit_ioc",
    maxSlippagePercent: 0.5, timeoutSeconds: 5, stopLoss: { enabled: true, offsetPercent: 2, calculationMode: "RELATIVE_TO_ENTRY" },
    takeProfit: { enabled: true, offsetPercent: 5, calculationMode: "RELATIVE_TO_ENTRY" }, leverage: 1,
  },
  ze1_close: { logic: "OR", conditions: [] },
  emergency_exit: {
    logic: "OR", conditions: [{ id: "e1_loss", indicatorId: "UNREALIZED_PNL_PCT", operator: "<=", value: -4 }], cooldownMinutes: 30,
    actions: { cancelPending: true, closePosition: true, logEvent: true },
  },
});

/** The value at a path. @param {any} value @param {Path} path */
export const at = (value, path) => path.reduce((part, step) => part?.[step], value);

/**
 * A copy with another value at a path; `undefined` removes the field.
 * @param {any} value @param {Path} path @param {any} next @returns {any}
 */
export function withAt(value, path, next) {
  if (!path.length) return next;
  const [step, ...rest] = path;
  if (typeof step === "number" || Array.isArray(value)) {
    const list = [...(value ?? [])];
    if (!rest.length && next === undefined) list.splice(Number(step), 1);
    else list[Number(step)] = withAt(list[Number(step)], rest, next);
    return list;
  }
  const copy = { ...value };
  const changed = withAt(copy[step], rest, next);
  if (changed === undefined) delete copy[step]; else copy[step] = changed;
  return copy;
}

/** The JSON pointer of a path. @param {Path} path */
export const pointer = (path) => path.map((step) => `/${String(step).replace(/~/g, "~0").replace(/\//g, "~1")}`).join("");

/**
 * Problems at a place or, with `below`, in it.
 * @param {{path: string, problem: string}[]} problems @param {Path} path @param {boolean} [below]
 */
export function problemsAt(problems, path, below = false) {
  const place = pointer(path);
  return problems.filter((one) => one.path === place || (below && one.path.startsWith(`${place}/`)));
}

/** All conditions of a section, groups and steps included. @param {any} part @returns {any[]} */
export function conditionsOf(part) {
  if (!part) return [];
  const groups = [...(part.groups ?? []), ...(part.sequence?.steps ?? [])];
  return [...(part.conditions ?? []), ...groups.flatMap(conditionsOf)];
}

/** An id that no condition has. @param {Doc} doc @param {string} section */
export function freeId(doc, section) {
  const known = new Set(SECTIONS.flatMap(({ key }) => conditionsOf(doc[key]).map((one) => one.id)));
  for (let n = 1; ; n += 1) if (!known.has(`${section.toLowerCase()}_${n}`)) return `${section.toLowerCase()}_${n}`;
}

/** A name for an indicator that the document does not use yet. @param {Doc} doc @param {string} type */
export function freeName(doc, type) {
  const name = type.toLowerCase();
  for (let n = 1; ; n += 1) {
    const wanted = n === 1 ? name : `${name}_${n}`;
    if (!(wanted in (doc.indicators ?? {}))) return wanted;
  }
}

/** How often an indicator is used. @param {Doc} doc @param {string} name */
export function usesOf(doc, name) {
  const text = JSON.stringify({ ...doc, indicators: undefined });
  return text.split(JSON.stringify(name)).length - 1;
}

const plain = (/** @type {any} */ value) => value == null ? "…" : typeof value === "number" ? String(value).replace("-", "−") : String(value);

/** What an indicator is called in a sentence. @param {string} id @param {Record<string, any>} catalogue by type */
function called(id, catalogue, /** @type {Doc} */ doc) {
  const own = OWN.find(([name]) => name === id);
  if (own) return own[1].split(",")[0];
  const spec = doc.indicators?.[id];
  return id ? id.replace(/_/g, " ") + (spec || catalogue[id] ? "" : " (unknown)") : "…";
}

function unitOf(/** @type {string} */ id, /** @type {Record<string, any>} */ catalogue, /** @type {Doc} */ doc) {
  const own = OWN.find(([name]) => name === id);
  const unit = own ? own[1].split(", ")[1] : catalogue[String(doc.indicators?.[id]?.type ?? id).toUpperCase()]?.unit;
  return !unit || unit === "ratio" || unit === "count" || unit === "1" ? "" : ` ${unit === "percent" ? "%" : unit}`;
}

/** A condition in plain words. @param {any} condition @param {Doc} doc @param {Record<string, any>} catalogue */
export function sentence(condition, doc, catalogue) {
  const unit = unitOf(condition.indicatorId, catalogue, doc);
  let right = `${plain(condition.value)}${unit}`;
  if (condition.operator === "between") right = `${plain(condition.value)} and ${plain(condition.valueHigh)}${unit}`;
  if (condition.compareTo) {
    const factor = condition.multiplier != null && condition.multiplier !== 1 ? `${plain(condition.multiplier)} × ` : "";
    const offset = condition.offset ? ` ${condition.offset > 0 ? "+" : "−"} ${Math.abs(condition.offset)}` : "";
    right = `${factor}${called(condition.compareTo, catalogue, doc)}${offset}`;
  }
  const edge = condition.edge === "rising" ? " for the first time" : condition.edge === "falling" ? " no longer" : "";
  const during = condition.forSeconds ? ` for ${plain(condition.forSeconds)} s` : "";
  return `${called(condition.indicatorId, catalogue, doc)} ${OPERATORS[condition.operator] ?? condition.operator} ${right}${edge}${during}`;
}

/**
 * Conditions and groups in plain words.
 * @param {any} part @param {Doc} doc @param {Record<string, any>} catalogue @param {boolean} [isAny] @returns {string}
 */
export function told(part, doc, catalogue, isAny = false) {
  const word = (part?.logic ?? (isAny ? "OR" : "AND")) === "OR" ? " or " : " and ";
  const conditions = (part?.conditions ?? []).filter((/** @type {any} */ one) => one.enabled !== false);
  const all = [
    ...conditions.map((/** @type {any} */ one) => sentence(one, doc, catalogue)),
    ...(part?.groups ?? []).map((/** @type {any} */ group) => `${group.negate ? "not " : ""}(${told(group, doc, catalogue)})`),
  ];
  if (part?.sequence?.steps?.length) {
    all.push(part.sequence.steps.map((/** @type {any} */ step, /** @type {number} */ n) => `${n ? "then" : "first"} (${told(step, doc, catalogue)})`).join(", "));
  }
  return all.join(word) || "nothing yet";
}

/** What each section does, as one sentence. @param {string} key @param {Doc} doc @param {Record<string, any>} catalogue */
export function sectionTold(key, doc, catalogue) {
  const part = doc[key] ?? {};
  const has = conditionsOf(part).some((one) => one.enabled !== false);
  const rules = told(part, doc, catalogue, key === "emergency_exit");
  const side = { LONG: "Buy", SHORT: "Sell short", BOTH: "Enter" }[/** @type {string} */ (doc.direction ?? "LONG")] ?? "Enter";
  if (key === "s1_signal") return has ? `A signal begins when ${rules}.` : "No signal yet: add a condition.";
  if (key === "o1_cancel") {
    const late = part.timeoutSeconds ? `after ${part.timeoutSeconds} s` : "";
    return `The signal is dropped ${[has ? `when ${rules}` : "", late].filter(Boolean).join(", or ") || "by nothing"}.`;
  }
  if (key === "z1_entry") {
    const size = part.positionSize;
    const amount = !size ? "" : size.type === "percentage" ? ` with ${size.value} % of the equity` : size.type === "fixed" ? ` for ${size.value} in the quote currency` : ` ${size.value} units`;
    const stop = part.stopLoss?.enabled ? `, stop ${part.stopLoss.offsetPercent ?? "…"} %` : ", no stop";
    const target = part.takeProfit?.enabled ? `, target ${part.takeProfit.offsetPercent ?? "…"} %` : "";
    return `${side}${amount}${stop}${target} ${has ? `when ${rules}` : "at once after the signal"}.`;
  }
  if (key === "ze1_close") return doc.ze1_enabled === false ? "Switched off." : has ? `Close normally when ${rules}.` : "No normal exit but stop and target.";
  return has ? `Leave at the market when ${rules}.` : "No emergency exit.";
}

/**
 * What differs between two documents, by place.
 * @param {any} before @param {any} after @param {string} [place]
 * @returns {{place: string, before: any, after: any}[]}
 */
export function differences(before, after, place = "") {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const both = [before, after];
  if (both.every((one) => one && typeof one === "object" && !Array.isArray(one))) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => differences(before[name], after[name], `${place}/${name}`));
  }
  if (both.every(Array.isArray) && both.every((list) => list.every((/** @type {any} */ one) => one?.id))) {
    const ids = [...new Set(both.flat().map((one) => one.id))];
    const of = (/** @type {any[]} */ list, /** @type {string} */ id) => list.find((one) => one.id === id);
    return ids.flatMap((id) => differences(of(before, id), of(after, id), `${place}/${id}`));
  }
  return [{ place, before, after }];
}
