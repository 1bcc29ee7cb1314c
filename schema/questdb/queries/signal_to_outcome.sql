-- From signal to outcome: how far signals of each strategy came, by section.
SELECT strategy_id, section, count() signals, count_distinct(session_id) sessions
FROM td_signals
WHERE section IS NOT NULL
ORDER BY strategy_id, section;
