-- The newest log lines of a task, newest first.
SELECT *
FROM tasks_app_tasklog
WHERE task_id = %(task)s
ORDER BY id DESC
LIMIT %(most)s
