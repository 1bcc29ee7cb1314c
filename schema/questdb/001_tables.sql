-- Tables of the copy in QuestDB, schema version 1. `tradingd` applies this file on connect; every statement is idempotent.
-- `td_` is replaced by `analytics.questdb.prefix`. One column a line: the program reads names and types from here.
-- A server before 9.2 does not know DECIMAL: there DECIMAL(38, 12) becomes DOUBLE. A TTL is set from `analytics.questdb.keep_days`.

-- Which daemon copied here last: one row for each time it connected.
CREATE TABLE IF NOT EXISTS td_schema (
  ts TIMESTAMP,
  instance SYMBOL,
  epoch SYMBOL CAPACITY 262144 NOCACHE,
  program SYMBOL,
  schema_version LONG
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, instance);

-- One row for every version of a strategy, and one more for a deletion.
CREATE TABLE IF NOT EXISTS td_strategies (
  ts TIMESTAMP,
  instance SYMBOL,
  strategy_id SYMBOL,
  rev LONG,
  version LONG,
  name VARCHAR,
  document VARCHAR,
  deleted BOOLEAN
) TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts, instance, strategy_id, rev);

-- One row for every state of a session that was copied; the newest `rev` counts.
CREATE TABLE IF NOT EXISTS td_sessions (
  ts TIMESTAMP,
  instance SYMBOL,
  session_id SYMBOL CAPACITY 262144 NOCACHE,
  kind SYMBOL,
  state SYMBOL,
  user_name SYMBOL,
  rev LONG,
  created_at TIMESTAMP,
  started_at TIMESTAMP,
  ended_at TIMESTAMP,
  strategies VARCHAR,
  symbols VARCHAR,
  recording_id VARCHAR,
  result_id VARCHAR,
  error VARCHAR,
  request VARCHAR,
  engine_version LONG,
  deleted BOOLEAN
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, session_id, rev);

-- Results of backtests and sessions; the newest `rev` counts.
CREATE TABLE IF NOT EXISTS td_results (
  ts TIMESTAMP,
  instance SYMBOL,
  result_id SYMBOL CAPACITY 262144 NOCACHE,
  mode SYMBOL,
  rev LONG,
  session_id VARCHAR,
  strategies VARCHAR,
  symbols VARCHAR,
  source VARCHAR,
  from_ts TIMESTAMP,
  to_ts TIMESTAMP,
  digest VARCHAR,
  trades LONG,
  wins LONG,
  draws LONG,
  initial_balance DECIMAL(38, 12),
  net DECIMAL(38, 12),
  max_drawdown DECIMAL(38, 12),
  covered_pct DOUBLE,
  stopped_early BOOLEAN,
  engine_version LONG,
  deleted BOOLEAN
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, result_id, rev);

-- Closed trades of results; `ts` is the exit.
CREATE TABLE IF NOT EXISTS td_trades (
  ts TIMESTAMP,
  instance SYMBOL,
  result_id SYMBOL CAPACITY 262144 NOCACHE,
  mode SYMBOL,
  strategy_id SYMBOL,
  symbol SYMBOL,
  side SYMBOL,
  reason SYMBOL,
  outcome SYMBOL,
  seq LONG,
  entry_time TIMESTAMP,
  entry_price DOUBLE,
  exit_price DOUBLE,
  quantity DOUBLE,
  entry_notional DECIMAL(38, 12),
  gross DECIMAL(38, 12),
  fees DECIMAL(38, 12),
  funding DECIMAL(38, 12),
  slippage DECIMAL(38, 12),
  net DECIMAL(38, 12),
  net_pct DOUBLE,
  mae_pct DOUBLE,
  mfe_pct DOUBLE
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, result_id, seq);

-- Points of the equity curves of results.
CREATE TABLE IF NOT EXISTS td_equity (
  ts TIMESTAMP,
  instance SYMBOL,
  result_id SYMBOL CAPACITY 262144 NOCACHE,
  mode SYMBOL,
  strategy_id SYMBOL,
  seq LONG,
  equity DECIMAL(38, 12),
  low DECIMAL(38, 12),
  high DECIMAL(38, 12),
  drawdown_pct DOUBLE
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, result_id, seq);

-- Signals of sessions, from the event log; `seq` is the position in the log.
CREATE TABLE IF NOT EXISTS td_signals (
  ts TIMESTAMP,
  instance SYMBOL,
  session_id SYMBOL CAPACITY 262144 NOCACHE,
  strategy_id SYMBOL,
  symbol SYMBOL,
  section SYMBOL,
  from_state SYMBOL,
  to_state SYMBOL,
  seq LONG,
  price DOUBLE,
  best_bid DOUBLE,
  best_ask DOUBLE,
  conditions VARCHAR
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, session_id, seq);

-- What happened to orders of sessions, from the event log.
CREATE TABLE IF NOT EXISTS td_orders (
  ts TIMESTAMP,
  instance SYMBOL,
  session_id SYMBOL CAPACITY 262144 NOCACHE,
  strategy_id SYMBOL,
  symbol SYMBOL,
  status SYMBOL,
  side SYMBOL,
  purpose SYMBOL,
  reason SYMBOL,
  seq LONG,
  order_id LONG,
  quantity DOUBLE,
  limit_price DOUBLE,
  best_bid DOUBLE,
  best_ask DOUBLE
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, session_id, seq);

-- Fills of sessions, from the event log.
CREATE TABLE IF NOT EXISTS td_fills (
  ts TIMESTAMP,
  instance SYMBOL,
  session_id SYMBOL CAPACITY 262144 NOCACHE,
  strategy_id SYMBOL,
  symbol SYMBOL,
  seq LONG,
  order_id LONG,
  price DECIMAL(38, 12),
  quantity DECIMAL(38, 12),
  best_bid DOUBLE,
  best_ask DOUBLE
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, session_id, seq);

-- Entries that a limit refused: each one of a session (from the event log), totals of other results.
CREATE TABLE IF NOT EXISTS td_refusals (
  ts TIMESTAMP,
  instance SYMBOL,
  origin SYMBOL,
  origin_id SYMBOL CAPACITY 262144 NOCACHE,
  strategy_id SYMBOL,
  symbol SYMBOL,
  guard SYMBOL,
  seq LONG,
  refused LONG,
  value DOUBLE,
  threshold DOUBLE
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, origin, origin_id, seq);

-- Recorded rows: trades, best bid and ask (price is the bid), bars (price is the close), marks and funding.
CREATE TABLE IF NOT EXISTS td_ticks (
  ts TIMESTAMP,
  instance SYMBOL,
  recording_id SYMBOL CAPACITY 262144 NOCACHE,
  symbol SYMBOL,
  kind SYMBOL,
  side SYMBOL,
  seq LONG,
  price DOUBLE,
  quantity DOUBLE,
  price2 DOUBLE,
  quantity2 DOUBLE,
  open DOUBLE,
  high DOUBLE,
  low DOUBLE,
  received_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, instance, recording_id, symbol, kind, seq);

-- Recorded book snapshots: the best five levels of each side; `seq` is the row of the recording it begins with.
CREATE TABLE IF NOT EXISTS td_book (
  ts TIMESTAMP,
  instance SYMBOL,
  recording_id SYMBOL CAPACITY 262144 NOCACHE,
  symbol SYMBOL,
  seq LONG,
  levels LONG,
  b1p DOUBLE,
  b1q DOUBLE,
  b2p DOUBLE,
  b2q DOUBLE,
  b3p DOUBLE,
  b3q DOUBLE,
  b4p DOUBLE,
  b4q DOUBLE,
  b5p DOUBLE,
  b5q DOUBLE,
  a1p DOUBLE,
  a1q DOUBLE,
  a2p DOUBLE,
  a2q DOUBLE,
  a3p DOUBLE,
  a3q DOUBLE,
  a4p DOUBLE,
  a4q DOUBLE,
  a5p DOUBLE,
  a5q DOUBLE,
  received_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, instance, recording_id, symbol, seq);

-- Tickers of an exchange each time they were fetched.
CREATE TABLE IF NOT EXISTS td_tickers (
  ts TIMESTAMP,
  instance SYMBOL,
  exchange SYMBOL,
  symbol SYMBOL,
  price DOUBLE,
  volume24h DOUBLE,
  change24h DOUBLE,
  high24h DOUBLE,
  low24h DOUBLE,
  funding_rate DOUBLE
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, instance, exchange, symbol);

-- What is missing: gaps of recordings, and what was removed here before it had been copied (cause `removed`).
CREATE TABLE IF NOT EXISTS td_gaps (
  ts TIMESTAMP,
  instance SYMBOL,
  recording_id SYMBOL CAPACITY 262144 NOCACHE,
  symbol SYMBOL,
  stream SYMBOL,
  cause SYMBOL,
  seq LONG,
  to_ts TIMESTAMP,
  missing_rows LONG
) TIMESTAMP(ts) PARTITION BY MONTH WAL DEDUP UPSERT KEYS(ts, instance, recording_id, symbol, stream, seq);
