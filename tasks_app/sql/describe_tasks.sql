-- For a page of tasks: the queue's name, the node that runs it or ran its last attempt, and the
-- first parents.
SELECT page.id, q.name, n.name, ARRAY(
    SELECT d.depends_on_id
    FROM tasks_app_taskdependency d
    WHERE d.task_id = page.id
    ORDER BY d.depends_on_id
    LIMIT %(most)s)
FROM unnest(%(ids)s::uuid[], %(attempts)s::int[], %(nodes)s::int[], %(queues)s::int[])
    AS page (id, attempt, node_id, queue_id)
JOIN tasks_app_queue q ON q.id = page.queue_id
LEFT JOIN tasks_app_taskattempt a ON a.task_id = page.id AND a.attempt = page.attempt
LEFT JOIN workers_node n ON n.id = coalesce(page.node_id, a.node_id)
