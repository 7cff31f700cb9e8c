-- Types and run times in seconds of the newest %(newest)s attempts that ran to an end since
-- %(since)s; and how many rows were looked at: at most %(most)s. The index of attempts by their end
-- does not sort, so the rows are sorted here, and there must not be many.
WITH recent AS MATERIALIZED (
    SELECT a.queue_id, a.type, a.outcome, a.started_at, a.finished_at
    FROM tasks_app_taskattempt a
    WHERE a.finished_at >= %(since)s
    LIMIT %(most)s
)
SELECT (SELECT count(*) FROM recent),
    coalesce(array_agg(newest.type), '{}'),
    coalesce(array_agg(newest.seconds), '{}')
FROM (
    SELECT r.type, extract(epoch FROM r.finished_at - r.started_at)::float8 AS seconds
    FROM recent r
    WHERE r.queue_id = ANY(%(lanes)s) AND r.outcome IN ('SUCCEEDED', 'FAILED', 'TIMED_OUT')
    ORDER BY r.finished_at DESC
    LIMIT %(newest)s
) newest
