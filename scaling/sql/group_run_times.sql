-- How long slots were busy with the attempts that ran to an end since %(since)s, of the newest
-- %(newest)s: by bin of %(edges)s (seconds), how many, their seconds, and these with at most %(cap)s
-- each. First how many rows were looked at: at most %(most)s. The index of attempts by their end does
-- not sort, so the rows are sorted here, and there must not be many.
--   an attempt of a type that shares its slot takes 1/%(share)s of it
WITH recent AS MATERIALIZED (
    SELECT a.queue_id, a.type, a.outcome, a.started_at, a.finished_at
    FROM tasks_app_taskattempt a
    WHERE a.finished_at >= %(since)s
    LIMIT %(most)s
), newest AS (
    SELECT extract(epoch FROM r.finished_at - r.started_at)::float8
        / CASE WHEN r.type = ANY(%(async)s) THEN %(share)s::float8 ELSE 1 END AS seconds
    FROM recent r
    WHERE r.queue_id = ANY(%(lanes)s) AND r.outcome IN ('SUCCEEDED', 'FAILED', 'TIMED_OUT')
    ORDER BY r.finished_at DESC
    LIMIT %(newest)s
)
SELECT -1, (SELECT count(*) FROM recent), 0::float8, 0::float8
UNION ALL
SELECT greatest(0, width_bucket(seconds, %(edges)s::float8[]) - 1), count(*), sum(seconds),
    sum(least(seconds, %(cap)s::float8))
FROM newest
GROUP BY 1
