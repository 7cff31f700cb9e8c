-- A page of tasks with what `describe_tasks` adds to them: see show_task.sql; and in each row the
-- number of tasks that match. The caller fills in {page}, the statement that selects the ids of the
-- page, and columns, order, total (the number or NULL) and bound (how many rows there can be, or
-- NULL). The bound ends the search for a page that has fewer rows than fit, which would otherwise go
-- through all older tasks. It is outside of page, whose own limit the planner has to see.
-- No joins: to weigh them, the planner looks for the ends of the large indexes, behind all dead rows
-- that pruning has left there, which takes longer than reading the page.
WITH total AS MATERIALIZED (SELECT ({total})::bigint AS tasks)
SELECT {columns}, (SELECT tasks FROM total) AS total,
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
FROM (SELECT id FROM ({page}) page LIMIT (SELECT {bound} FROM total)) page
CROSS JOIN LATERAL (SELECT * FROM tasks_app_task WHERE id = page.id OFFSET 0) t
ORDER BY {order}
