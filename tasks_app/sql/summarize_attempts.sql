-- What ended in the last %(seconds)s seconds in a workspace, without types in %(hidden)s: tasks by how
-- they ended, and the times of all attempts. The index of attempts by time finds the few pages of the
-- window; at most %(most)s rows of it are looked at.
--   a task has completed with an attempt that succeeded, and failed with its last attempt: one that
--   failed and was tried again is in neither
WITH recent AS MATERIALIZED (
    SELECT a.task_id, a.outcome, a.wait_ms, a.attempt, a.finished_at,
        extract(epoch FROM a.finished_at - a.started_at) * 1000 AS run_ms
    FROM tasks_app_taskattempt a
    WHERE a.finished_at >= statement_timestamp() - %(seconds)s * interval '1 second'
      AND a.workspace_id = %(workspace)s AND a.type <> ALL(%(hidden)s)
    LIMIT %(most)s
), ended AS (
    SELECT r.outcome, r.wait_ms, r.run_ms, r.finished_at,
        r.outcome = 'SUCCEEDED' AS has_completed,
        r.outcome IN ('FAILED', 'TIMED_OUT', 'LOST') AND EXISTS (
            SELECT FROM tasks_app_task t
            WHERE t.id = r.task_id AND t.attempt = r.attempt AND t.state = 'FAILED'
        ) AS has_failed
    FROM recent r
), figures AS (
    -- One sort gives all percentiles of a column.
    SELECT count(*) AS attempts,
        count(*) FILTER (WHERE outcome IN ('FAILED', 'TIMED_OUT', 'LOST')) AS failed_attempts,
        count(*) FILTER (WHERE has_completed) AS completed,
        count(*) FILTER (WHERE has_failed) AS failed,
        count(*) FILTER (WHERE (has_completed OR has_failed)
            AND finished_at >= statement_timestamp() - interval '60 seconds') AS last_minute,
        avg(run_ms) AS run_avg, avg(wait_ms) AS wait_avg,
        percentile_cont(ARRAY[0.50, 0.95, 0.99]) WITHIN GROUP (ORDER BY run_ms) AS run,
        percentile_cont(ARRAY[0.50, 0.95, 0.99]) WITHIN GROUP (ORDER BY wait_ms) AS wait
    FROM ended
)
SELECT jsonb_build_object(
    'attempts', attempts, 'failedAttempts', failed_attempts, 'completed', completed,
    'failed', failed, 'lastMinute', last_minute,
    'processingMs', jsonb_build_object('avg', round(run_avg, 3), 'p50', round(run[1]::numeric, 3),
        'p95', round(run[2]::numeric, 3), 'p99', round(run[3]::numeric, 3)),
    'waitMs', jsonb_build_object('avg', round(wait_avg, 3), 'p50', round(wait[1]::numeric, 3),
        'p95', round(wait[2]::numeric, 3), 'p99', round(wait[3]::numeric, 3))
)
FROM figures
