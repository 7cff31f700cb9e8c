-- What ended in the last %(seconds)s seconds in a workspace, by queue and type; and the times of
-- all of it. The index of attempts by time finds the few pages of the window; at most %(most)s
-- rows of it are looked at.
WITH recent AS MATERIALIZED (
    SELECT a.queue_id, a.type, a.outcome, a.wait_ms, a.attempt, a.finished_at,
        extract(epoch FROM a.finished_at - a.started_at) * 1000 AS run_ms
    FROM tasks_app_taskattempt a
    WHERE a.finished_at >= clock_timestamp() - %(seconds)s * interval '1 second'
      AND a.workspace_id = %(workspace)s
    LIMIT %(most)s
)
SELECT jsonb_build_object(
    'attempts', count(*),
    'succeeded', count(*) FILTER (WHERE outcome = 'SUCCEEDED'),
    'bad', count(*) FILTER (WHERE outcome IN ('FAILED', 'TIMED_OUT', 'LOST')),
    'lastMinute', count(*) FILTER (WHERE finished_at >= clock_timestamp() - interval '60 seconds'),
    'processingMs', jsonb_build_object(
        'avg', round(avg(run_ms)::numeric, 3),
        'p50', round(percentile_cont(0.50) WITHIN GROUP (ORDER BY run_ms)::numeric, 3),
        'p95', round(percentile_cont(0.95) WITHIN GROUP (ORDER BY run_ms)::numeric, 3),
        'p99', round(percentile_cont(0.99) WITHIN GROUP (ORDER BY run_ms)::numeric, 3)),
    'waitMs', jsonb_build_object(
        'avg', round(avg(wait_ms)::numeric, 3),
        'p50', round(percentile_cont(0.50) WITHIN GROUP (ORDER BY wait_ms)::numeric, 3),
        'p95', round(percentile_cont(0.95) WITHIN GROUP (ORDER BY wait_ms)::numeric, 3),
        'p99', round(percentile_cont(0.99) WITHIN GROUP (ORDER BY wait_ms)::numeric, 3)),
    'completed', coalesce((
        SELECT jsonb_agg(jsonb_build_array(queue_id, type, ended)) FROM (
            SELECT queue_id, type, count(*) AS ended FROM recent
            WHERE outcome = 'SUCCEEDED' GROUP BY queue_id, type) by_type), '[]')
)
FROM recent
