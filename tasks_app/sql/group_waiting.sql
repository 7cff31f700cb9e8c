-- Who fills a lane: the %(most)s tasks of it that start next, by type and by tag, with how long the
-- oldest of each has waited in milliseconds. At most %(rows)s of each kind, the largest first; the
-- row `all` has how many were looked at.
WITH looked_at AS MATERIALIZED (
    SELECT t.type, t.tags, coalesce(t.run_at, t.created_at) AS ready_at
    FROM tasks_app_task t
    WHERE t.queue_id = %(lane)s AND t.state = 'PENDING'
    ORDER BY t.priority DESC, t.id
    LIMIT %(most)s
), grouped AS (
    SELECT 'all' AS kind, '' AS name, count(*) AS tasks, min(ready_at) AS ready_at FROM looked_at
    UNION ALL
    (SELECT 'type', type, count(*), min(ready_at) FROM looked_at
     GROUP BY type ORDER BY count(*) DESC, type LIMIT %(rows)s)
    UNION ALL
    (SELECT 'tag', tag, count(*), min(ready_at) FROM looked_at CROSS JOIN LATERAL unnest(tags) tag
     GROUP BY tag ORDER BY count(*) DESC, tag LIMIT %(rows)s)
)
SELECT kind, name, tasks,
    greatest(0, extract(epoch FROM clock_timestamp() - ready_at) * 1000)::bigint
FROM grouped
