-- The first and the last attempts of tasks, with the name, version and release of the node that ran each.
SELECT a.task_id, a.attempt, n.name, a.started_at, a.finished_at, a.outcome, a.error::text, a.total,
    n.version, n.release
FROM unnest(%(ids)s::uuid[]) AS dead (id)
CROSS JOIN LATERAL (
    SELECT task_id, attempt, node_id, started_at, finished_at, outcome, error,
        row_number() OVER (ORDER BY attempt) AS place, count(*) OVER () AS total
    FROM tasks_app_taskattempt
    WHERE task_id = dead.id
) AS a
LEFT JOIN workers_node n ON n.id = a.node_id
WHERE a.place <= %(first)s OR a.place > a.total - %(last)s
ORDER BY a.task_id, a.attempt
