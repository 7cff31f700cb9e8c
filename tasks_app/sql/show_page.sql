-- A page of tasks with what `describe_tasks` adds to them: see show_task.sql. The caller fills in
-- {page}, the statement that selects the ids of the page, {columns} and {order}.
SELECT {columns}, q.name AS queue_name, n.name AS worker_node, ARRAY(
    SELECT d.depends_on_id
    FROM tasks_app_taskdependency d
    WHERE d.task_id = t.id
    ORDER BY d.depends_on_id
    LIMIT %(most)s) AS parents
FROM ({page}) page
JOIN tasks_app_task t ON t.id = page.id
JOIN tasks_app_queue q ON q.id = t.queue_id
LEFT JOIN tasks_app_taskattempt a ON a.task_id = t.id AND a.attempt = t.attempt
LEFT JOIN workers_node n ON n.id = coalesce(t.node_id, a.node_id)
ORDER BY {order}
