// Candles of a recording; of one that is still growing, with every price as it comes.

import { useEffect, useState } from "./view.js";
import { get } from "./api.js";
import { onPrice } from "./live.js";

export const INTERVALS = /** @type {Record<string, number>} */ ({
  "1s": 1, "5s": 5, "15s": 15, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400,
});
const SHOWN = 1000;
const CORRECT_MS = 4000;
const DRAW_MS = 400;

/** @typedef {import("../parts/chart.js").Candle} Candle */

/** @param {any[]} list @returns {Candle[]} */
const read = (list) => list.map((one) => ({ ...one, time: Date.parse(one.time) }));

/**
 * @param {{recording: string|null|undefined, symbol: string, interval: string, session?: string|null, from?: number|null, to?: number|null}} wanted
 *   `session`: a running session whose prices go on at the right edge
 * @returns {{candles: Candle[], gaps: any[], error: any, isLoading: boolean}}
 */
export function useCandles({ recording, symbol, interval, session = null, from = null, to = null }) {
  const [held, hold] = useState(/** @type {any} */ ({ candles: [], gaps: [], error: null, key: "" }));
  const key = `${recording} ${symbol} ${interval} ${from} ${to}`;
  useEffect(() => {
    if (!recording || !symbol) return undefined;
    const step = INTERVALS[interval] * 1000;
    let isWanted = true;
    /** @type {Candle[]} */
    let candles = [];
    /** @type {any[]} */
    let gaps = [];
    let isDirty = false;
    let isRead = false;
    let isAsking = false;
    const ask = async (/** @type {number|null} */ since) => {
      const query = new URLSearchParams({ symbol, interval, max_points: "4000" });
      if (since != null) query.set("from", new Date(since).toISOString());
      if (to != null) query.set("to", new Date(to).toISOString());
      return get(`/api/data-collection/${encodeURIComponent(recording)}/candles?${query}`);
    };
    const show = (/** @type {any} */ error = null) => { if (isWanted) hold({ candles, gaps, error, key }); };
    const start = from ?? (session ? Date.now() - SHOWN * step : null);
    ask(start).then((answer) => {
      const fresh = read(answer.candles);
      const newest = fresh[fresh.length - 1]?.time ?? 0;
      // Prices that came while the question was under way are behind the answer.
      candles = [...fresh, ...candles.filter((one) => one.time > newest)];
      gaps = bands(answer.gaps);
      isRead = true;
      show();
    }, show);
    if (!session) return () => { isWanted = false; };
    const end = onPrice((of, name, price, timestamp) => {
      if (of !== session || name !== symbol) return;
      const time = Math.floor(Date.parse(timestamp) / step) * step;
      const last = candles[candles.length - 1];
      if (last && time < last.time) return;
      candles = last?.time === time
        ? [...candles.slice(0, -1), { ...last, high: Math.max(last.high, price), low: Math.min(last.low, price), close: price }]
        : [...candles.slice(-4 * SHOWN), { time, open: price, high: price, low: price, close: price, volume: null }];
      isDirty = true;
    });
    const drawing = setInterval(() => { if (isDirty && isRead) { isDirty = false; show(); } }, DRAW_MS);
    // Prices come at most ten times a second, so the recording corrects extremes and volumes.
    const correcting = setInterval(async () => {
      if (document.hidden || !isRead || isAsking || candles.length < 2) return;
      isAsking = true;
      const since = candles[Math.max(0, candles.length - 1 - Math.ceil(CORRECT_MS * 3 / step))].time;
      try {
        const answer = await ask(since);
        const fresh = read(answer.candles);
        const newest = fresh[fresh.length - 1]?.time ?? 0;
        candles = [...candles.filter((one) => one.time < since), ...fresh, ...candles.filter((one) => one.time > newest && one.time >= since)];
        gaps = [...gaps.filter((gap) => gap.to < since), ...bands(answer.gaps)];
        isDirty = true;
      } catch { /* the link says so */ }
      isAsking = false;
    }, CORRECT_MS);
    return () => { isWanted = false; end(); clearInterval(drawing); clearInterval(correcting); };
  }, [key, session]);
  const isCurrent = held.key === key;
  return { candles: isCurrent ? held.candles : [], gaps: isCurrent ? held.gaps : [], error: isCurrent ? held.error : null, isLoading: Boolean(recording) && !isCurrent };
}

const bands = (/** @type {any[]} */ list) => (list ?? []).map((gap) => ({ from: Date.parse(gap.from), to: Date.parse(gap.to), cause: gap.cause }));
