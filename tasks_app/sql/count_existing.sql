-- How many tasks of these queues and types, ended in one of these states, these workspaces have,
-- from the counts; NULL while %(changes)s changes or more are not folded into them. Empty lists mean all of
-- them, that of states also tasks that have not ended.
SELECT CASE WHEN (
    SELECT count(*) FROM (SELECT FROM tasks_app_taskcountchange LIMIT %(changes)s) few
) < %(changes)s THEN (
    SELECT coalesce(sum(
        CASE WHEN %(states)s::text[] = '{}' THEN existing
        ELSE completed * ('COMPLETED' = ANY(%(states)s))::int
            + failed * ('FAILED' = ANY(%(states)s))::int
            + cancelled * ('CANCELLED' = ANY(%(states)s))::int END), 0)::bigint
    FROM tasks_app_taskcounts
    WHERE workspace_id = ANY(%(workspaces)s) AND type <> ALL(%(hidden)s)
        AND (%(types)s::text[] = '{}' OR type = ANY(%(types)s))
        AND (%(queues)s::text[] = '{}' OR queue_id IN (
            SELECT id FROM tasks_app_queue
            WHERE workspace_id = ANY(%(workspaces)s) AND name = ANY(%(queues)s)))
) END
