-- Unfinished tasks by queue, type and state, of at most %(most)s rows a lane and state.
SELECT q.id, few.type, count(*)
FROM tasks_app_queue q
CROSS JOIN unnest(ARRAY['PENDING', 'RUNNING', 'SCHEDULED', 'RETRYING', 'BLOCKED']) AS wanted (state)
CROSS JOIN LATERAL (
    SELECT t.type FROM tasks_app_task t
    WHERE t.queue_id = q.id AND t.state = wanted.state
    LIMIT %(most)s
) few
WHERE q.workspace_id = %(workspace)s
GROUP BY q.id, few.type
