-- Win rate by hour of the day (UTC) over all closed trades, with the mean net result in percent.
SELECT hour(entry_time) hour, count() trades, sum(CASE WHEN outcome = 'win' THEN 1 ELSE 0 END) * 100.0 / count() win_rate_pct,
  avg(net_pct) mean_net_pct
FROM td_trades
ORDER BY hour;
