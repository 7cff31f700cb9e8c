-- Unfinished tasks by queue and type, of at most %(most)s rows a lane and state. Each state stands
-- as a constant, since only so can its partial index be used.
SELECT q.id, few.type, count(*)
FROM tasks_app_queue q
CROSS JOIN LATERAL (
    (SELECT t.type FROM tasks_app_task t
     WHERE t.queue_id = q.id AND t.state = 'PENDING' LIMIT %(most)s)
    UNION ALL
    (SELECT t.type FROM tasks_app_task t
     WHERE t.queue_id = q.id AND t.state = 'RUNNING' LIMIT %(most)s)
    UNION ALL
    (SELECT t.type FROM tasks_app_task t
     WHERE t.queue_id = q.id AND t.state = 'SCHEDULED' LIMIT %(most)s)
    UNION ALL
    (SELECT t.type FROM tasks_app_task t
     WHERE t.queue_id = q.id AND t.state = 'RETRYING' LIMIT %(most)s)
    UNION ALL
    (SELECT t.type FROM tasks_app_task t
     WHERE t.queue_id = q.id AND t.state = 'BLOCKED' LIMIT %(most)s)
) few
WHERE q.workspace_id = %(workspace)s
GROUP BY q.id, few.type
