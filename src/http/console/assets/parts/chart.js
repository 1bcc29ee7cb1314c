// The chart: the one module that knows the chart library. Times are milliseconds since 1970 outside, seconds inside.

import {
  AreaSeries, CandlestickSeries, ColorType, CrosshairMode, HistogramSeries, LineSeries, LineStyle, LineType, createChart, createSeriesMarkers,
} from "../vendor/lightweight-charts.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../core/view.js";
import { useStore } from "../core/store.js";
import { moment, number, price, volumeOf, zoneName } from "../core/format.js";
import { words } from "../core/words.js";

/** @typedef {{time: number, open: number, high: number, low: number, close: number, volume: number|null}} Candle; the volume is unknown until the recording was asked */
/** @typedef {{id: string, time: number, price?: number, what: string, text: string, side?: "above"|"below"}} Mark */
/** @typedef {{price: number, title: string, kind: string}} Line */
/** @typedef {{from: number, to: number}} Band */

const css = (/** @type {string} */ name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options() {
  const [line, text, quiet] = [css("--line"), css("--quiet"), css("--line-strong")];
  return {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: "transparent" }, textColor: text, fontSize: 11, fontFamily: "Inter, sans-serif", attributionLogo: false,
      panes: { separatorColor: line, enableResize: false },
    },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    crosshair: { mode: CrosshairMode.Normal, vertLine: { color: quiet, labelBackgroundColor: quiet }, horzLine: { color: quiet, labelBackgroundColor: quiet } },
    rightPriceScale: { borderColor: line, scaleMargins: { top: 0.12, bottom: 0.18 } },
    timeScale: {
      borderColor: line, timeVisible: true, secondsVisible: true, rightOffset: 6, minBarSpacing: 0.05,
      tickMarkFormatter: (/** @type {number} */ time, /** @type {number} */ type) => moment(time * 1000, type <= 2 ? "date" : "time").slice(type <= 2 ? 5 : 0, type === 3 ? 5 : undefined),
    },
    localization: { timeFormatter: (/** @type {number} */ time) => `${moment(time * 1000)} ${zoneName()}` },
  };
}

/**
 * A chart that lives as long as the component and the theme.
 * @param {(chart: any) => any} build makes the series; what it returns is handed to `update` of later draws
 */
function useChart(build) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const held = useRef(/** @type {any} */ (null));
  const theme = useStore((state) => `${state.preferences.theme} ${state.preferences.colours} ${state.preferences.zone}`);
  const [generation, again] = useState(0);
  useLayoutEffect(() => {
    const chart = createChart(/** @type {HTMLElement} */ (box.current), options());
    held.current = { chart, ...build(chart) };
    again((n) => n + 1);
    return () => { held.current = null; chart.remove(); };
  }, [theme]);
  return { box, held, generation };
}

const seconds = (/** @type {number} */ ms) => Math.floor(ms / 1000);

/** Colour, shape and place of a mark by what it tells. */
const LOOKS = /** @type {Record<string, {colour: string, shape: string, side: string}>} */ ({
  S1: { colour: "--warn", shape: "circle", side: "below" },
  O1: { colour: "--faint", shape: "square", side: "above" },
  Z1: { colour: "--accent", shape: "square", side: "below" },
  ZE1: { colour: "--accent", shape: "square", side: "above" },
  E1: { colour: "--down", shape: "square", side: "above" },
  entry: { colour: "--up", shape: "arrowUp", side: "below" },
  "short entry": { colour: "--down", shape: "arrowDown", side: "above" },
  gain: { colour: "--up", shape: "arrowDown", side: "above" },
  loss: { colour: "--down", shape: "arrowDown", side: "above" },
  exit: { colour: "--text", shape: "arrowDown", side: "above" },
  "short exit": { colour: "--text", shape: "arrowUp", side: "below" },
});

/** @param {Mark} mark @param {string|null} chosen @param {(ms: number) => number} snap */
function marker(mark, chosen, snap) {
  const look = LOOKS[mark.what] ?? LOOKS.exit;
  const side = mark.side ?? look.side;
  return {
    id: mark.id, time: snap(mark.time), position: side === "below" ? "belowBar" : "aboveBar", shape: look.shape,
    color: css(look.colour), text: mark.text, size: mark.id === chosen ? 2 : 1,
  };
}

const LINES = /** @type {Record<string, [string, number]>} */ ({
  entry: ["--accent", LineStyle.Solid], stop: ["--down", LineStyle.Dashed], target: ["--up", LineStyle.Dashed],
  liquidation: ["--live", LineStyle.Dotted], threshold: ["--warn", LineStyle.Dotted],
});

/**
 * Candles with volume, marks, price lines and gaps.
 * @param {{candles: Candle[], marks?: Mark[], lines?: Line[], gaps?: Band[], digits?: number|null, chosen?: string|null,
 *   centre?: {from: number, to: number, key: string}|null, onMark?: (id: string) => void, onTime?: (time: number) => void, label: string, class?: string, children?: any}} props
 *   `centre` moves the view to a span once for each `key`; `onTime` is told the time of a click, milliseconds.
 */
export function CandleChart({ candles, marks = [], lines = [], gaps = [], digits, chosen = null, centre, onMark, onTime, label, class: name = "", children }) {
  const [hover, setHover] = useState(/** @type {any} */ (null));
  const { box, held, generation } = useChart((chart) => {
    const [up, down] = [css("--up"), css("--down")];
    const bands = chart.addSeries(HistogramSeries, { priceScaleId: "bands", priceLineVisible: false, lastValueVisible: false, color: css("--warn-soft") });
    bands.priceScale().applyOptions({ scaleMargins: { top: 0, bottom: 0 } });
    const volume = chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false });
    volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    const series = chart.addSeries(CandlestickSeries, { upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false, priceLineStyle: LineStyle.Dotted });
    const markers = createSeriesMarkers(series, []);
    chart.subscribeCrosshairMove((/** @type {any} */ param) => setHover(param.time == null ? null : param.seriesData.get(series) ? { time: param.time, ...param.seriesData.get(series), volume: param.seriesData.get(volume)?.value } : null));
    return { series, volume, bands, markers, shown: /** @type {Candle[]} */ ([]), drawn: new Map(), centred: "" };
  });
  const shown = useMemo(() => digits ?? digitsIn(candles), [digits, candles.length > 0, candles[0]?.time]);
  const click = useRef(/** @type {any} */ (null));
  click.current = (/** @type {any} */ param) => {
    if (param.hoveredObjectId) onMark?.(String(param.hoveredObjectId));
    if (param.time != null) onTime?.(param.time * 1000);
  };
  useEffect(() => {
    const { chart } = held.current;
    const clicked = (/** @type {any} */ param) => click.current(param);
    chart.subscribeClick(clicked);
    return () => { if (held.current?.chart === chart) chart.unsubscribeClick(clicked); };
  }, [generation]);
  useEffect(() => {
    held.current.series.applyOptions({ priceFormat: { type: "price", precision: shown, minMove: 10 ** -shown } });
  }, [shown, generation]);
  useEffect(() => draw(held.current, candles), [candles, generation]);
  const step = candles.length > 1 ? Math.max(1, seconds(candles[1].time - candles[0].time)) : 1;
  const snap = snapTo(candles);
  useEffect(() => {
    held.current.markers.setMarkers(candles.length ? marks.map((mark) => marker(mark, chosen, snap)).sort((a, b) => a.time - b.time) : []);
  }, [marks, chosen, candles.length, candles[0]?.time, generation]);
  useEffect(() => {
    const { bands } = held.current;
    const starts = new Set(candles.map((candle) => seconds(candle.time)));
    const values = gaps.flatMap((gap) => {
      const times = [];
      for (let at = Math.floor(seconds(gap.from) / step) * step; at <= seconds(gap.to) && times.length < 2000; at += step) times.push(at);
      return times.filter((at) => starts.has(at));
    });
    bands.setData([...new Set(values)].sort((a, b) => a - b).map((time) => ({ time, value: 1 })));
  }, [gaps, step, candles.length, generation]);
  useEffect(() => drawLines(held.current, lines), [lines, generation]);
  useEffect(() => {
    const one = held.current;
    if (!centre || !candles.length || one.centred === centre.key) return;
    one.centred = centre.key;
    one.chart.timeScale().setVisibleRange({ from: seconds(centre.from), to: seconds(centre.to) });
  }, [centre?.key, candles.length > 0, generation]);
  const at = hover ?? (candles.length ? { ...candles[candles.length - 1], time: null } : null);
  return html`<div class=${`chart ${name}`}><div class="canvas" role="img" aria-label=${label} ref=${box}></div>
    ${at && html`<div class="legend"><span>O ${price(at.open, shown)}</span><span>H ${price(at.high, shown)}</span><span>L ${price(at.low, shown)}</span><span>C ${price(at.close, shown)}</span>${at.volume != null && html`<span>V ${volumeOf(at.volume)}</span>`}</div>`}
    <div class="tools">${children}<button type="button" class="button small" onClick=${() => held.current?.chart.timeScale().fitContent()}>${words.chart.fit}</button></div>
    ${!candles.length && html`<div class="over">${words.chart.noPrices}</div>`}</div>`;
}

/** Digits after the point of recorded prices: they have those of the contract. @param {Candle[]} candles */
const digitsIn = (candles) => Math.min(8, Math.max(0, ...candles.slice(-200).map((one) => (String(one.close).split(".")[1] ?? "").length)));

/** The start of the candle a moment lies in, or the nearest one before. @param {Candle[]} candles */
function snapTo(candles) {
  return (/** @type {number} */ ms) => {
    let [low, high] = [0, candles.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (candles[middle].time <= ms) low = middle; else high = middle - 1;
    }
    return candles.length ? seconds(candles[low].time) : seconds(ms);
  };
}

/** Only what is new at the right edge, unless something else changed. */
function draw(/** @type {any} */ one, /** @type {Candle[]} */ candles) {
  const bar = (/** @type {Candle} */ candle) => ({ ...candle, time: seconds(candle.time) });
  const [up, down] = [css("--up"), css("--down")];
  const amount = (/** @type {Candle} */ candle) => candle.volume == null ? { time: seconds(candle.time) } : { time: seconds(candle.time), value: candle.volume, color: `${candle.close >= candle.open ? up : down}55` };
  const { shown } = one;
  const same = Math.min(shown.length, candles.length);
  const grows = same > 0 && candles.length - shown.length <= 1 && candles.length >= shown.length && shown[0].time === candles[0].time && shown[Math.max(0, same - 2)] === candles[Math.max(0, same - 2)];
  if (grows) {
    for (const candle of candles.slice(Math.max(0, shown.length - 1))) { one.series.update(bar(candle)); one.volume.update(amount(candle)); }
  } else {
    const isFirst = !shown.length;
    one.series.setData(candles.map(bar));
    one.volume.setData(candles.map(amount));
    if (isFirst && candles.length) one.chart.timeScale().setVisibleLogicalRange({ from: Math.max(-5, candles.length - 180), to: candles.length + 6 });
  }
  one.shown = candles;
}

function drawLines(/** @type {any} */ one, /** @type {Line[]} */ lines) {
  const wanted = new Map(lines.map((line) => [`${line.kind} ${line.title} ${line.price}`, line]));
  for (const [key, drawn] of one.drawn) if (!wanted.has(key)) { one.series.removePriceLine(drawn); one.drawn.delete(key); }
  for (const [key, line] of wanted) {
    if (one.drawn.has(key)) continue;
    const [colour, style] = LINES[line.kind] ?? LINES.threshold;
    one.drawn.set(key, one.series.createPriceLine({ price: line.price, title: line.title, color: css(colour), lineStyle: style, lineWidth: 1, axisLabelVisible: true }));
  }
}

/** @typedef {{time: string, equity: number, low?: number, high?: number, drawdown_pct?: number}} EquityPoint */

/** Points with strictly rising whole seconds; of several in one second the last one stays. @param {any[]} points @param {(point: any) => number} value */
function rising(points, value) {
  const all = [];
  for (const point of points) {
    const one = { time: seconds(Date.parse(point.time)), value: value(point) };
    if (all.length && all[all.length - 1].time >= one.time) all[all.length - 1].value = one.value; else all.push(one);
  }
  return all;
}

/**
 * Equity, with the drawdown below on the same axis of time, and other runs beside it.
 * @param {{points: EquityPoint[], others?: {name: string, colour: string, points: EquityPoint[]}[], digits?: number, worst?: any[], hasDrawdown?: boolean,
 *   log?: boolean, label: string, class?: string, colour?: string, children?: any}} props
 */
export function EquityChart({ points, others = [], worst = [], digits = 2, hasDrawdown = true, log = false, label, class: name = "", colour = "--accent", children }) {
  const money = { type: "custom", formatter: (/** @type {number} */ value) => number(value, digits), minMove: 10 ** -digits };
  const { box, held, generation } = useChart((chart) => {
    const tone = css(colour);
    const bands = chart.addSeries(HistogramSeries, { priceScaleId: "bands", priceLineVisible: false, lastValueVisible: false, color: `${css("--down")}14` });
    bands.priceScale().applyOptions({ scaleMargins: { top: 0, bottom: 0 } });
    const equity = chart.addSeries(AreaSeries, { lineColor: tone, topColor: `${tone}33`, bottomColor: `${tone}05`, lineWidth: 2, lineType: LineType.WithSteps, priceFormat: money, priceLineVisible: false });
    if (!hasDrawdown) return { equity, bands, lines: [] };
    const drawdown = chart.addSeries(AreaSeries, { lineColor: css("--down"), topColor: `${css("--down")}08`, bottomColor: `${css("--down")}44`, lineWidth: 1, lineType: LineType.WithSteps, priceLineVisible: false, priceFormat: { type: "custom", formatter: (/** @type {number} */ value) => `${number(value)} %`, minMove: 0.001 } }, 1);
    chart.panes()[0].setStretchFactor(3);
    chart.panes()[1].setStretchFactor(1);
    return { equity, drawdown, bands, lines: [] };
  });
  useEffect(() => {
    const one = held.current;
    one.equity.setData(rising(points, (point) => point.equity));
    one.drawdown?.setData(rising(points, (point) => -(point.drawdown_pct ?? 0)));
    if (points.length) one.chart.timeScale().fitContent();
  }, [points, generation]);
  useEffect(() => {
    const one = held.current;
    one.lines.forEach((/** @type {any} */ line) => one.chart.removeSeries(line));
    one.lines = others.map((other) => {
      const line = one.chart.addSeries(LineSeries, { color: css(other.colour), lineWidth: 2, lineType: LineType.WithSteps, priceFormat: money, priceLineVisible: false });
      line.setData(rising(other.points, (point) => point.equity));
      return line;
    });
  }, [others, generation]);
  useEffect(() => {
    const inside = rising(points, () => 1).filter(({ time }) => worst.some((one) => time >= seconds(Date.parse(one.start)) && (!one.recovery || time <= seconds(Date.parse(one.recovery)))));
    held.current.bands.setData(inside);
  }, [points, worst, generation]);
  useEffect(() => { held.current.chart.priceScale("right", 0).applyOptions({ mode: log ? 1 : 0 }); }, [log, generation]);
  return html`<div class=${`chart ${name}`}><div class="canvas" role="img" aria-label=${label} ref=${box}></div><div class="tools">${children}
    <button type="button" class="button small" onClick=${() => held.current?.chart.timeScale().fitContent()}>${words.chart.fit}</button></div></div>`;
}
