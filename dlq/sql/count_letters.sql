-- The newest letters of a workspace: by status; the open ones by category and type; the deaths of
-- the last days (UTC). One row per count.
WITH newest AS MATERIALIZED (
    SELECT status, category, type, died_at
    FROM dlq_deadletter
    WHERE workspace_id = %(workspace)s
    ORDER BY id DESC
    LIMIT %(limit)s
)
SELECT 'status', status, count(*) FROM newest GROUP BY status
UNION ALL
SELECT 'category', category, count(*) FROM newest WHERE status = 'OPEN' GROUP BY category
UNION ALL
SELECT 'type', type, count(*) FROM newest WHERE status = 'OPEN' GROUP BY type
UNION ALL
SELECT 'day', ((died_at AT TIME ZONE 'UTC')::date)::text, count(*)
FROM newest
WHERE died_at >= %(since)s::date::timestamp AT TIME ZONE 'UTC'
GROUP BY 2
