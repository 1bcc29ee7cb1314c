-- Slippage by symbol and size of the entry, in basis points of the notional; positive is a cost.
SELECT symbol, CASE WHEN notional < 100 THEN '1: under 100' WHEN notional < 1000 THEN '2: under 1,000' ELSE '3: 1,000 and more' END size,
  count() trades, sum(slip) * 10000 / sum(notional) slippage_bps
FROM (SELECT symbol, cast(entry_notional as double) notional, cast(slippage as double) slip FROM td_trades WHERE slippage IS NOT NULL)
ORDER BY symbol, size;
