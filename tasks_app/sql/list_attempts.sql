-- The newest attempts of a task, newest first, with the names of their nodes.
SELECT a.attempt, n.name, a.outcome, a.error::text, a.wait_ms, a.started_at, a.finished_at
FROM tasks_app_taskattempt a
LEFT JOIN workers_node n ON n.id = a.node_id
WHERE a.task_id = %(task)s
ORDER BY a.attempt DESC
LIMIT %(most)s
