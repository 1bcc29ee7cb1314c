-- A strategy in backtests, on paper and live: the same words, the same numbers, side by side.
SELECT strategy_id, mode, count() trades, sum(CASE WHEN outcome = 'win' THEN 1 ELSE 0 END) * 100.0 / count() win_rate_pct,
  avg(net_pct) mean_net_pct, avg(mae_pct) mean_worst_pct, avg(mfe_pct) mean_best_pct
FROM td_trades
ORDER BY strategy_id, mode;
