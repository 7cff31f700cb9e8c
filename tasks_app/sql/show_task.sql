-- One task with its queue's name, the node that runs it or ran its last attempt, and its first
-- parents: what `describe_tasks` adds to the rows of a list; and the tasks that repeat its work,
-- oldest first.
SELECT t.*, q.name AS queue_name, n.name AS worker_node, ARRAY(
    SELECT d.depends_on_id
    FROM tasks_app_taskdependency d
    WHERE d.task_id = t.id
    ORDER BY d.depends_on_id
    LIMIT %(most)s) AS parents, ARRAY(
    SELECT r.id
    FROM tasks_app_task r
    WHERE r.workspace_id = %(workspace)s AND r.reprocess_of = %(task)s
    ORDER BY r.id
    LIMIT %(most)s) AS reprocessed_as
FROM tasks_app_task t
JOIN tasks_app_queue q ON q.id = t.queue_id
LEFT JOIN tasks_app_taskattempt a ON a.task_id = t.id AND a.attempt = t.attempt
LEFT JOIN workers_node n ON n.id = coalesce(t.node_id, a.node_id)
WHERE t.id = %(task)s AND t.workspace_id = %(workspace)s
