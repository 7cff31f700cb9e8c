-- How the number of open letters of a workspace came about: how many are open, how many died and
-- were resolved in each minute since %(hour)s, and how many died in each hour since %(since)s, by
-- type. Each part reads at most %(most)s rows. Open letters are summed up from the counts as `open`;
-- while %(changes)s changes or more are not folded, they are counted as `rows`. The other kinds are
-- died, resolved and type.
WITH bound AS MATERIALIZED (
    SELECT count(*) < %(changes)s AS is_kept
    FROM (SELECT FROM dlq_lettercountchange LIMIT %(changes)s) few
), died AS MATERIALIZED (
    SELECT d.died_at, d.type FROM dlq_deadletter d
    WHERE d.workspace_id = %(workspace)s AND d.died_at >= %(since)s
    ORDER BY d.died_at DESC LIMIT %(most)s
), resolved AS MATERIALIZED (
    SELECT d.resolved_at FROM dlq_deadletter d
    WHERE d.workspace_id = %(workspace)s AND d.resolved_at >= %(hour)s
    LIMIT %(most)s
)
SELECT 'open' AS kind, NULL::timestamptz, NULL AS type, coalesce(sum(letters), 0)::bigint
FROM dlq_lettercounts
WHERE workspace_id = %(workspace)s AND kind = 'STATUS' AND name = 'OPEN'
    AND (SELECT is_kept FROM bound)
UNION ALL
SELECT 'rows', NULL, NULL, count(*)
FROM (
    SELECT FROM dlq_deadletter d
    WHERE d.workspace_id = %(workspace)s AND d.status = 'OPEN' AND NOT (SELECT is_kept FROM bound)
    LIMIT %(most)s
) few
UNION ALL
SELECT 'died', date_bin('1 minute', died_at, 'epoch'), NULL, count(*)
FROM died WHERE died_at >= %(hour)s GROUP BY 2
UNION ALL
SELECT 'resolved', date_bin('1 minute', resolved_at, 'epoch'), NULL, count(*)
FROM resolved GROUP BY 2
UNION ALL
SELECT 'type', CASE WHEN died_at >= %(hour)s THEN %(hour)s::timestamptz END, type, count(*)
FROM died GROUP BY 2, 3
