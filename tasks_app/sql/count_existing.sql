-- How many tasks of these queues and types a workspace has, from the counts; NULL while more than
-- %(changes)s changes are not folded into them. Empty lists of queues and types mean all of them.
WITH recent AS MATERIALIZED (
    SELECT * FROM tasks_app_taskcountchange LIMIT %(changes)s
)
SELECT CASE WHEN (SELECT count(*) FROM recent) < %(changes)s THEN coalesce(sum(existing), 0)::bigint END
FROM (
    SELECT queue_id, type, existing FROM tasks_app_taskcount WHERE workspace_id = %(workspace)s
    UNION ALL
    SELECT queue_id, type, existing FROM recent WHERE workspace_id = %(workspace)s
) parts
WHERE type <> ALL(%(hidden)s)
    AND (%(types)s::text[] = '{}' OR type = ANY(%(types)s))
    AND (%(queues)s::text[] = '{}' OR queue_id IN (
        SELECT id FROM tasks_app_queue
        WHERE workspace_id = %(workspace)s AND name = ANY(%(queues)s)))
