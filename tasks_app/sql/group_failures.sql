-- The failures of a lane since %(since)s among its %(most)s newest failed tasks, by class of the
-- error and type, the most frequent first: how many, and the newest with its error.
WITH looked_at AS MATERIALIZED (
    SELECT t.id, t.type, t.error, t.finished_at
    FROM tasks_app_task t
    WHERE t.queue_id = %(lane)s AND t.state = 'FAILED'
    ORDER BY t.id DESC
    LIMIT %(most)s
), recent AS (
    SELECT l.*, coalesce(l.error ->> 'class', '') AS class
    FROM looked_at l WHERE l.finished_at >= %(since)s
)
SELECT class, type, count(*), coalesce((array_agg(error ORDER BY finished_at DESC))[1], 'null')::text
FROM recent
GROUP BY class, type
ORDER BY count(*) DESC, class, type
LIMIT %(rows)s
