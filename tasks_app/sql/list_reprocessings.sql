-- The tasks that repeat the work of a task, oldest first.
SELECT r.id
FROM tasks_app_task r
WHERE r.workspace_id = %(workspace)s AND r.reprocess_of = %(task)s
ORDER BY r.id
LIMIT %(most)s
