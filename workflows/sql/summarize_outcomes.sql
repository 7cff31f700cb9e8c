-- How a set of tasks stands: how many are open, gone, completed, failed, cancelled, how large their
-- results are together, and the first of them, in the order of the ids, that did not complete.
WITH wanted AS MATERIALIZED (
    SELECT w.position, w.id, t.state, t.error,
        CASE WHEN t.state = 'COMPLETED'
            THEN coalesce(octet_length(t.result::text), 4) ELSE 4 END AS bytes
    FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS w (id, position)
    LEFT JOIN tasks_app_task t ON t.id = w.id AND t.workspace_id = %(workspace)s
), broken AS (
    SELECT position, id, state, error
    FROM wanted
    WHERE state IS NULL OR state IN ('FAILED', 'CANCELLED')
    ORDER BY state = 'FAILED' DESC NULLS LAST, position
    LIMIT 1
)
SELECT count(*) FILTER (WHERE w.state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')),
    count(*) FILTER (WHERE w.state IS NULL AND w.id IS NOT NULL),
    count(*) FILTER (WHERE w.state = 'COMPLETED'),
    count(*) FILTER (WHERE w.state = 'FAILED'),
    count(*) FILTER (WHERE w.state = 'CANCELLED'),
    coalesce(sum(w.bytes), 0),
    (SELECT position - 1 FROM broken),
    (SELECT id FROM broken),
    (SELECT state FROM broken),
    (SELECT error::text FROM broken)
FROM wanted w
