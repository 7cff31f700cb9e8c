-- How many letters of a workspace are counted under one of these names of a kind, or, without names,
-- under any. NULL while %(changes)s changes or more are not folded.
SELECT CASE WHEN (
    SELECT count(*) FROM (SELECT FROM dlq_lettercountchange LIMIT %(changes)s) few
) < %(changes)s THEN (
    SELECT coalesce(sum(letters), 0)::bigint
    FROM dlq_lettercounts
    WHERE workspace_id = %(workspace)s AND kind = %(kind)s
        AND (%(names)s::text[] = '{}' OR name = ANY(%(names)s))
) END
