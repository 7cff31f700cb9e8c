-- How the number of open letters of a workspace came about: how many are open, how many died and
-- were resolved in each minute since %(hour)s, and how many died in each hour since %(since)s, by
-- type. Letters of muted groups are left out. Each part reads at most %(most)s rows. Open letters are
-- summed up from the counts as `open`; while %(changes)s changes or more are not folded, they are
-- counted as `rows`. The other kinds are died, resolved and type.
WITH bound AS MATERIALIZED (
    SELECT count(*) < %(changes)s AS is_kept
    FROM (SELECT FROM dlq_lettercountchange LIMIT %(changes)s) few
), muted AS MATERIALIZED (
    SELECT g.fingerprint, g.type FROM dlq_lettergroup g
    WHERE g.workspace_id = %(workspace)s AND g.state = 'MUTED'
), died AS MATERIALIZED (
    SELECT d.died_at, d.type FROM dlq_deadletter d
    WHERE d.workspace_id = %(workspace)s AND d.died_at >= %(since)s
        AND (d.fingerprint, d.type) NOT IN (SELECT m.fingerprint, m.type FROM muted m)
    ORDER BY d.died_at DESC LIMIT %(most)s
), resolved AS MATERIALIZED (
    SELECT d.resolved_at FROM dlq_deadletter d
    WHERE d.workspace_id = %(workspace)s AND d.resolved_at >= %(hour)s
        AND (d.fingerprint, d.type) NOT IN (SELECT m.fingerprint, m.type FROM muted m)
    LIMIT %(most)s
)
SELECT 'open' AS kind, NULL::timestamptz, NULL AS type, coalesce(
        sum(CASE kind WHEN 'STATUS' THEN letters ELSE -letters END), 0
    )::bigint
FROM dlq_lettercounts
WHERE workspace_id = %(workspace)s AND (SELECT is_kept FROM bound)
    AND (
        (kind = 'STATUS' AND name = 'OPEN')
        OR (kind = 'GROUP_TYPE' AND (name, type) IN (SELECT m.fingerprint, m.type FROM muted m))
    )
UNION ALL
SELECT 'rows', NULL, NULL, count(*)
FROM (
    SELECT FROM dlq_deadletter d
    WHERE d.workspace_id = %(workspace)s AND d.status = 'OPEN' AND NOT (SELECT is_kept FROM bound)
        AND (d.fingerprint, d.type) NOT IN (SELECT m.fingerprint, m.type FROM muted m)
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
