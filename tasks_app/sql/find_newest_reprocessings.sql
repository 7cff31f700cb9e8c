-- For each task the newest that repeats its work, directly or through other repetitions.
WITH RECURSIVE chain (root, id, depth) AS (
    SELECT t.id, t.id, 0
    FROM tasks_app_task t
    WHERE t.id = ANY(%(ids)s) AND t.workspace_id = %(workspace)s
    UNION ALL
    SELECT c.root, t.id, c.depth + 1
    FROM chain c
    JOIN tasks_app_task t ON t.reprocess_of = c.id
    WHERE t.workspace_id = %(workspace)s AND c.depth < 1000
)
SELECT DISTINCT ON (root) root, id
FROM chain
ORDER BY root, id DESC
