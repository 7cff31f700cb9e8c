-- How many letters of these workspaces are open, without those of muted groups. NULL while %(changes)s
-- changes or more are not folded.
WITH muted AS MATERIALIZED (
    SELECT g.workspace_id, g.fingerprint, g.type FROM dlq_lettergroup g
    WHERE g.workspace_id = ANY(%(workspaces)s) AND g.state = 'MUTED'
)
SELECT CASE WHEN (
    SELECT count(*) FROM (SELECT FROM dlq_lettercountchange LIMIT %(changes)s) few
) < %(changes)s THEN (
    SELECT coalesce(sum(CASE kind WHEN 'STATUS' THEN letters ELSE -letters END), 0)::bigint
    FROM dlq_lettercounts
    WHERE workspace_id = ANY(%(workspaces)s) AND (
        (kind = 'STATUS' AND name = 'OPEN')
        OR (kind = 'GROUP_TYPE' AND (workspace_id, name, type) IN (
            SELECT m.workspace_id, m.fingerprint, m.type FROM muted m))
    )
) END
