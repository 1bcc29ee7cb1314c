-- Anatomy of a pump: price, volume and buying share by second around the strongest minute of each recorded symbol.
WITH minutes AS (
  SELECT symbol, timestamp_floor('m', ts) minute, (max(price) - min(price)) * 100 / min(price) range_pct
  FROM td_ticks WHERE kind = 'trades'
), strongest AS (SELECT symbol, max(range_pct) range_pct FROM minutes),
pumps AS (SELECT m.symbol symbol, m.minute minute FROM minutes m JOIN strongest s ON m.symbol = s.symbol AND m.range_pct = s.range_pct)
SELECT t.symbol, timestamp_floor('s', t.ts) second, last(t.price) price, sum(t.quantity) quantity,
  sum(CASE WHEN t.side = 'buy' THEN t.quantity ELSE 0.0 END) * 100 / sum(t.quantity) bought_pct
FROM td_ticks t JOIN pumps p ON t.symbol = p.symbol
WHERE t.kind = 'trades' AND t.ts BETWEEN dateadd('m', -1, p.minute) AND dateadd('m', 3, p.minute)
ORDER BY t.symbol, second;
