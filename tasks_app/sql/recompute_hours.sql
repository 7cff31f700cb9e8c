-- The roll-ups of the hours from %(from)s up to %(until)s, from those of their minutes. Running it
-- again writes the same.
WITH minutes AS MATERIALIZED (
    SELECT date_bin('1 hour', r.at, 'epoch') AS hour, r.*
    FROM tasks_app_rollup r
    WHERE r.seconds = 60 AND r.at >= %(from)s AND r.at < %(until)s
), runs AS (
    SELECT hour, workspace_id, queue_id, type, jsonb_object_agg(bucket, n) AS runs
    FROM (
        SELECT m.hour, m.workspace_id, m.queue_id, m.type, b.key AS bucket, sum(b.value::bigint) AS n
        FROM minutes m CROSS JOIN LATERAL jsonb_each_text(m.runs) b GROUP BY 1, 2, 3, 4, 5
    ) by_bucket
    GROUP BY 1, 2, 3, 4
), waits AS (
    SELECT hour, workspace_id, queue_id, type, jsonb_object_agg(bucket, n) AS waits
    FROM (
        SELECT m.hour, m.workspace_id, m.queue_id, m.type, b.key AS bucket, sum(b.value::bigint) AS n
        FROM minutes m CROSS JOIN LATERAL jsonb_each_text(m.waits) b GROUP BY 1, 2, 3, 4, 5
    ) by_bucket
    GROUP BY 1, 2, 3, 4
), sums AS (
    SELECT hour, workspace_id, queue_id, type, sum(submitted) AS submitted, sum(started) AS started,
        sum(completed) AS completed, sum(failed) AS failed, sum(failed_tasks) AS failed_tasks,
        sum(retried) AS retried, sum(lost) AS lost, sum(cancelled) AS cancelled,
        sum(run_ms) AS run_ms, sum(wait_ms) AS wait_ms,
        max(longest_run_ms) AS longest_run_ms, max(longest_wait_ms) AS longest_wait_ms
    FROM minutes GROUP BY 1, 2, 3, 4
)
INSERT INTO tasks_app_rollup AS r (workspace_id, seconds, at, queue_id, type, submitted, started,
    completed, failed, failed_tasks, retried, lost, cancelled, run_ms, wait_ms, longest_run_ms,
    longest_wait_ms, runs, waits)
SELECT workspace_id, 3600, hour, queue_id, type, submitted, started, completed, failed,
    failed_tasks, retried, lost, cancelled, run_ms, wait_ms, longest_run_ms, longest_wait_ms,
    coalesce(runs, '{}'), coalesce(waits, '{}')
FROM sums
LEFT JOIN runs USING (hour, workspace_id, queue_id, type)
LEFT JOIN waits USING (hour, workspace_id, queue_id, type)
ON CONFLICT (workspace_id, seconds, at, queue_id, type) DO UPDATE
SET submitted = excluded.submitted, started = excluded.started, completed = excluded.completed,
    failed = excluded.failed, failed_tasks = excluded.failed_tasks, retried = excluded.retried,
    lost = excluded.lost, cancelled = excluded.cancelled, run_ms = excluded.run_ms,
    wait_ms = excluded.wait_ms, longest_run_ms = excluded.longest_run_ms,
    longest_wait_ms = excluded.longest_wait_ms, runs = excluded.runs, waits = excluded.waits
WHERE (r.submitted, r.started, r.completed, r.failed, r.failed_tasks, r.retried, r.lost, r.cancelled,
        r.longest_run_ms, r.longest_wait_ms, r.runs, r.waits)
    IS DISTINCT FROM (excluded.submitted, excluded.started, excluded.completed, excluded.failed,
        excluded.failed_tasks, excluded.retried, excluded.lost, excluded.cancelled,
        excluded.longest_run_ms, excluded.longest_wait_ms, excluded.runs, excluded.waits)
