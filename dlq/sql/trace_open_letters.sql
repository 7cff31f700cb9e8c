-- How the number of open letters of a workspace came about: how many are open, how many died and
-- were resolved in each minute since %(hour)s, and how many died in each hour since %(since)s, by
-- type. Letters of muted groups are left out. Each part reads at most %(most)s rows. `kind` is open,
-- died, resolved or type.
WITH muted AS MATERIALIZED (
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
SELECT 'open' AS kind, NULL::timestamptz, NULL AS type, count(*)
FROM (
    SELECT FROM dlq_deadletter d
    WHERE d.workspace_id = %(workspace)s AND d.status = 'OPEN'
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
