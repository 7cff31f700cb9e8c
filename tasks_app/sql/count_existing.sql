-- How many tasks of these queues and types, ended in one of these states, these workspaces have, from
-- the counts; NULL while more than %(changes)s changes are not folded into them. Empty lists mean all of
-- them, that of states also tasks that have not ended.
WITH recent AS MATERIALIZED (
    SELECT * FROM tasks_app_taskcountchange LIMIT %(changes)s
)
SELECT CASE WHEN (SELECT count(*) FROM recent) < %(changes)s THEN coalesce(sum(
    CASE WHEN %(states)s::text[] = '{}' THEN existing
    ELSE completed * ('COMPLETED' = ANY(%(states)s))::int + failed * ('FAILED' = ANY(%(states)s))::int
        + cancelled * ('CANCELLED' = ANY(%(states)s))::int END), 0)::bigint END
FROM (
    SELECT queue_id, type, existing, completed, failed, cancelled
    FROM tasks_app_taskcount WHERE workspace_id = ANY(%(workspaces)s)
    UNION ALL
    SELECT queue_id, type, existing, completed, failed, cancelled
    FROM recent WHERE workspace_id = ANY(%(workspaces)s)
) parts
WHERE type <> ALL(%(hidden)s)
    AND (%(types)s::text[] = '{}' OR type = ANY(%(types)s))
    AND (%(queues)s::text[] = '{}' OR queue_id IN (
        SELECT id FROM tasks_app_queue
        WHERE workspace_id = ANY(%(workspaces)s) AND name = ANY(%(queues)s)))
