-- The letters of a workspace from their counts: by status; the open ones by category and type; the
-- deaths since a day (UTC). One row per count. While %(changes)s changes or more are not folded,
-- they are left out, and a row ESTIMATE says so.
WITH bound AS MATERIALIZED (
    SELECT count(*) < %(changes)s AS is_kept
    FROM (SELECT FROM dlq_lettercountchange LIMIT %(changes)s) few
)
SELECT kind, name, sum(letters)::bigint
FROM dlq_lettercounts
WHERE workspace_id = %(workspace)s
    AND (NOT is_change OR (SELECT is_kept FROM bound))
    AND (kind IN ('STATUS', 'CATEGORY', 'TYPE') OR kind = 'DAY' AND name >= %(since)s)
GROUP BY kind, name
HAVING sum(letters) > 0
UNION ALL
SELECT 'ESTIMATE', '', 1 FROM bound WHERE NOT is_kept
