-- For how long the running tasks of these lanes have run, in seconds, async types apart: each age
-- alone up to %(single)s tasks; of more, those in the same bin together, with their mean.
WITH running AS MATERIALIZED (
    SELECT t.type = ANY(%(async)s) AS is_async,
        greatest(0, extract(epoch FROM %(at)s::timestamptz - t.started_at))::float8 AS age
    FROM tasks_app_task t
    WHERE t.queue_id = ANY(%(lanes)s) AND t.state = 'RUNNING' AND t.node_id <> ALL(%(without)s)
    LIMIT %(most)s
), number AS MATERIALIZED (
    SELECT count(*) AS n FROM running
)
SELECT r.is_async, avg(r.age), count(*)
FROM running r CROSS JOIN number
GROUP BY r.is_async,
    CASE WHEN number.n <= %(single)s THEN r.age
        ELSE width_bucket(r.age, %(edges)s::float8[])::float8 END
