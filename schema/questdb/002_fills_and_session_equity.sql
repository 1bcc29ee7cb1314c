-- Schema version 2: what the exchange says of a fill, and the equity of sessions while they run. `tradingd` applies this
-- file after 001_tables.sql, and sends the rows of a table again once it has added a column there.

ALTER TABLE td_fills ADD COLUMN IF NOT EXISTS trade_id VARCHAR;
ALTER TABLE td_fills ADD COLUMN IF NOT EXISTS cumulative_quantity DECIMAL(38, 12);
ALTER TABLE td_fills ADD COLUMN IF NOT EXISTS fee DECIMAL(38, 12);

-- The account of a session at each sample of the event log, from its start on; `seq` is the position in the log.
CREATE TABLE IF NOT EXISTS td_session_equity (
  ts TIMESTAMP,
  instance SYMBOL,
  session_id SYMBOL CAPACITY 262144 NOCACHE,
  currency SYMBOL,
  seq LONG,
  equity DECIMAL(38, 12),
  balance DECIMAL(38, 12),
  exposure DECIMAL(38, 12)
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, session_id, seq);
