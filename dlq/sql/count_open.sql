-- How many letters of these workspaces are open. NULL while %(changes)s changes or more are not
-- folded.
SELECT CASE WHEN (
    SELECT count(*) FROM (SELECT FROM dlq_lettercountchange LIMIT %(changes)s) few
) < %(changes)s THEN (
    SELECT coalesce(sum(letters), 0)::bigint
    FROM dlq_lettercounts
    WHERE workspace_id = ANY(%(workspaces)s) AND kind = 'STATUS' AND name = 'OPEN'
) END
