-- The first tasks that wait for a task, or have waited for it.
SELECT c.id, c.name, c.type, c.state, c.finished_at, d.is_satisfied
FROM tasks_app_taskdependency d
JOIN tasks_app_task c ON c.id = d.task_id
WHERE d.depends_on_id = %(task)s
ORDER BY d.task_id
LIMIT %(most)s
