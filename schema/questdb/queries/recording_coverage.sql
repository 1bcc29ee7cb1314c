-- Coverage of recordings: rows by recording, symbol, stream and hour, beside the minutes that are missing.
SELECT t.recording_id, t.symbol, t.kind, t.hour, t.n rows, g.missing_minutes
FROM (SELECT recording_id, symbol, kind, timestamp_floor('h', ts) hour, count() n FROM td_ticks) t
LEFT JOIN (SELECT recording_id, symbol, stream, timestamp_floor('h', ts) hour,
    sum(cast(to_ts as long) - cast(ts as long)) / 60000000.0 missing_minutes FROM td_gaps) g
  ON t.recording_id = g.recording_id AND t.symbol = g.symbol AND t.kind = g.stream AND t.hour = g.hour
ORDER BY t.recording_id, t.symbol, t.kind, t.hour;
