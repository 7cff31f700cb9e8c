-- The newest failed tasks of a queue.
SELECT t.id
FROM tasks_app_task t
WHERE t.workspace_id = %(workspace)s AND t.queue_id = %(queue)s AND t.state = 'FAILED'
    AND t.type <> ALL(%(hidden)s)
ORDER BY t.id DESC
LIMIT %(limit)s
