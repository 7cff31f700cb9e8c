-- A page of tasks with what `describe_tasks` adds to them: see show_task.sql. The caller fills in
-- {page}, the statement that selects the ids of the page, {columns} and {order}.
-- No joins: to weigh them, the planner looks for the ends of the large indexes, behind all dead rows
-- that pruning has left there, which takes longer than reading the page.
SELECT {columns},
    (SELECT q.name FROM tasks_app_queue q WHERE q.id = t.queue_id) AS queue_name,
    (SELECT n.name FROM workers_node n WHERE n.id = coalesce(t.node_id, (
        SELECT a.node_id FROM tasks_app_taskattempt a
        WHERE a.task_id = t.id AND a.attempt = t.attempt))) AS worker_node,
    ARRAY(
        SELECT d.depends_on_id
        FROM tasks_app_taskdependency d
        WHERE d.task_id = t.id
        ORDER BY d.depends_on_id
        LIMIT %(most)s) AS parents
FROM ({page}) page
CROSS JOIN LATERAL (SELECT * FROM tasks_app_task WHERE id = page.id OFFSET 0) t
ORDER BY {order}
