-- How many attempts started in each lane, each since a moment of its own, the first of which is
-- %(first)s. An attempt that started since then has not ended before it: so the index of attempts
-- by their end finds the few pages.
WITH lane AS MATERIALIZED (
    SELECT * FROM unnest(%(lanes)s::int[], %(since)s::timestamptz[]) AS lane (id, since)
)
SELECT started.lane, count(*)
FROM (
    SELECT lane.id AS lane
    FROM tasks_app_taskattempt a
    JOIN lane ON lane.id = a.queue_id
    WHERE a.finished_at >= %(first)s AND a.started_at > lane.since
    UNION ALL
    SELECT lane.id
    FROM tasks_app_task t
    JOIN lane ON lane.id = t.queue_id
    WHERE t.state = 'RUNNING' AND t.started_at > lane.since
) started
GROUP BY started.lane
