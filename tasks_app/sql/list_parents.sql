-- The first tasks that a task waits for, or has waited for.
SELECT p.id, p.name, p.type, p.state, p.finished_at, d.is_satisfied
FROM tasks_app_taskdependency d
JOIN tasks_app_task p ON p.id = d.depends_on_id
WHERE d.task_id = %(task)s
ORDER BY d.depends_on_id
LIMIT %(most)s
