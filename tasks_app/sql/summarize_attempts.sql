-- What ended in the last %(seconds)s seconds in a workspace, by queue and type; and the times of
-- all of it. The index of attempts by time finds the few pages of the window; at most %(most)s
-- rows of it are looked at.
WITH recent AS MATERIALIZED (
    SELECT a.queue_id, a.type, a.outcome, a.wait_ms, a.attempt, a.finished_at,
        extract(epoch FROM a.finished_at - a.started_at) * 1000 AS run_ms
    FROM tasks_app_taskattempt a
    WHERE a.finished_at >= statement_timestamp() - %(seconds)s * interval '1 second'
      AND a.workspace_id = %(workspace)s
    LIMIT %(most)s
), figures AS (
    -- One sort gives all percentiles of a column.
    SELECT count(*) AS attempts,
        count(*) FILTER (WHERE outcome = 'SUCCEEDED') AS succeeded,
        count(*) FILTER (WHERE outcome IN ('FAILED', 'TIMED_OUT', 'LOST')) AS bad,
        count(*) FILTER (WHERE finished_at >= statement_timestamp() - interval '60 seconds')
            AS last_minute,
        avg(run_ms) AS run_avg, avg(wait_ms) AS wait_avg,
        percentile_cont(ARRAY[0.50, 0.95, 0.99]) WITHIN GROUP (ORDER BY run_ms) AS run,
        percentile_cont(ARRAY[0.50, 0.95, 0.99]) WITHIN GROUP (ORDER BY wait_ms) AS wait
    FROM recent
)
SELECT jsonb_build_object(
    'attempts', attempts, 'succeeded', succeeded, 'bad', bad, 'lastMinute', last_minute,
    'processingMs', jsonb_build_object('avg', round(run_avg, 3), 'p50', round(run[1]::numeric, 3),
        'p95', round(run[2]::numeric, 3), 'p99', round(run[3]::numeric, 3)),
    'waitMs', jsonb_build_object('avg', round(wait_avg, 3), 'p50', round(wait[1]::numeric, 3),
        'p95', round(wait[2]::numeric, 3), 'p99', round(wait[3]::numeric, 3)),
    'completed', coalesce((
        SELECT jsonb_agg(jsonb_build_array(queue_id, type, ended)) FROM (
            SELECT queue_id, type, count(*) AS ended FROM recent
            WHERE outcome = 'SUCCEEDED' GROUP BY queue_id, type) by_type), '[]')
)
FROM figures
