-- The types of the running tasks of these lanes that started since %(since)s; reads at most %(most)s.
SELECT few.type, count(*)
FROM (
    SELECT t.type
    FROM tasks_app_task t
    WHERE t.queue_id = ANY(%(lanes)s) AND t.state = 'RUNNING' AND t.started_at >= %(since)s
    LIMIT %(most)s
) few
GROUP BY 1
