-- Equity by strategy: the curve of the newest result of each strategy, one point an hour.
SELECT timestamp_floor('h', e.ts) hour, r.strategies strategy, last(e.equity) equity, max(e.drawdown_pct) worst_drawdown_pct
FROM td_equity e
JOIN (SELECT * FROM td_results LATEST ON ts PARTITION BY strategies) r ON e.result_id = r.result_id
ORDER BY hour, strategy;
