-- The deaths since %(since)s by group and step of %(seconds)s seconds, of the newest %(most)s
-- letters of the workspace. NULL as the group: all of those.
WITH newest AS MATERIALIZED (
    SELECT l.fingerprint, l.type, l.died_at FROM dlq_deadletter l
    WHERE l.workspace_id = %(workspace)s AND l.died_at >= %(since)s
    ORDER BY l.died_at DESC LIMIT %(most)s
)
SELECT NULL, NULL, NULL, count(*) FROM newest
UNION ALL
SELECT n.fingerprint, n.type,
    floor(extract(epoch FROM n.died_at - %(since)s) / %(seconds)s)::int, count(*)
FROM newest n
JOIN unnest(%(fingerprints)s::text[], %(types)s::text[]) AS k (fingerprint, type)
    ON k.fingerprint = n.fingerprint AND k.type = n.type
GROUP BY 1, 2, 3
