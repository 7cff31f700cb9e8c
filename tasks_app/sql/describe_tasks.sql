-- For a page of tasks: the node that runs it or ran its last attempt, and its first parents.
SELECT page.id, n.name, ARRAY(
    SELECT d.depends_on_id
    FROM tasks_app_taskdependency d
    WHERE d.task_id = page.id
    ORDER BY d.depends_on_id
    LIMIT %(most)s)
FROM unnest(%(ids)s::uuid[], %(attempts)s::int[], %(nodes)s::int[]) AS page (id, attempt, node_id)
LEFT JOIN tasks_app_taskattempt a ON a.task_id = page.id AND a.attempt = page.attempt
LEFT JOIN workers_node n ON n.id = coalesce(page.node_id, a.node_id)
