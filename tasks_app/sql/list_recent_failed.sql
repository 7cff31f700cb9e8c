-- The newest failed tasks of a queue, among the %(most)s newest failed or cancelled tasks of its workspace.
SELECT newest.id
FROM (
    SELECT t.id, t.queue_id, t.type, t.state
    FROM tasks_app_task t
    WHERE t.workspace_id = %(workspace)s
      AND t.state IN ('FAILED', 'CANCELLED')
    ORDER BY t.id DESC
    LIMIT %(most)s
) newest
WHERE newest.queue_id = %(queue)s AND newest.type <> ALL(%(hidden)s) AND newest.state = 'FAILED'
ORDER BY newest.id DESC
LIMIT %(limit)s
