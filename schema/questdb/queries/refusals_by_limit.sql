-- Entries that were refused, by the limit that refused them.
SELECT guard, strategy_id, sum(refused) refused, min(value) lowest_value, max(value) highest_value, last(threshold) threshold
FROM td_refusals
ORDER BY refused DESC;
