-- The roll-ups of the minutes from %(from)s up to %(until)s, from the attempts and the tasks.
-- Running it again writes the same; rows that are right already are not touched.
--   an attempt counts in the minute of its end; its bucket is that of controlplane/core/runtime/histograms.py
--   "retried": a failed attempt whose task did not end with it
--   "failed_tasks": tasks that ended as FAILED with a failed attempt
--   "started": attempts that ended within an hour, and what runs now
-- A task's id is made at most a minute after its created_at, so a range of ids finds the minutes.
WITH cells AS MATERIALIZED (
    SELECT ended.at, ended.workspace_id, ended.queue_id, ended.type, ended.outcome, ended.task_end,
        greatest(-48, least(240, ceil(ln(greatest(ended.run_ms, 0.0001)) / ln(1.1))))::int AS run,
        greatest(-48, least(240, ceil(ln(greatest(ended.wait_ms, 0.0001)) / ln(1.1))))::int AS wait,
        count(*) AS n, sum(ended.run_ms) AS run_ms, sum(ended.wait_ms) AS wait_ms,
        max(ended.run_ms) AS longest_run_ms, max(ended.wait_ms) AS longest_wait_ms
    FROM (
        SELECT date_bin('1 minute', a.finished_at, 'epoch') AS at, a.workspace_id, a.queue_id, a.type,
            a.outcome, a.wait_ms::float8 AS wait_ms,
            extract(epoch FROM a.finished_at - a.started_at)::float8 * 1000 AS run_ms,
            CASE WHEN a.outcome IN ('FAILED', 'TIMED_OUT', 'LOST') THEN coalesce((
                SELECT t.state FROM tasks_app_task t
                WHERE t.id = a.task_id AND t.attempt = a.attempt
                  AND t.state IN ('FAILED', 'CANCELLED')
            ), 'RETRIED') END AS task_end
        FROM tasks_app_taskattempt a
        WHERE a.finished_at >= %(from)s AND a.finished_at < %(until)s
    ) ended
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), parts AS (
    SELECT at, workspace_id, queue_id, type, 0 AS submitted, 0 AS started,
        sum(n) FILTER (WHERE outcome = 'SUCCEEDED') AS completed,
        sum(n) FILTER (WHERE outcome IN ('FAILED', 'TIMED_OUT', 'LOST')) AS failed,
        sum(n) FILTER (WHERE task_end = 'FAILED') AS failed_tasks,
        sum(n) FILTER (WHERE task_end = 'RETRIED') AS retried,
        sum(n) FILTER (WHERE outcome = 'LOST') AS lost,
        sum(n) FILTER (WHERE outcome = 'CANCELLED') AS cancelled,
        sum(run_ms) FILTER (WHERE outcome IN ('SUCCEEDED', 'FAILED', 'TIMED_OUT')) AS run_ms,
        sum(wait_ms) AS wait_ms,
        max(longest_run_ms) FILTER (WHERE outcome IN ('SUCCEEDED', 'FAILED', 'TIMED_OUT'))
            AS longest_run_ms,
        max(longest_wait_ms) AS longest_wait_ms
    FROM cells GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT date_bin('1 minute', t.created_at, 'epoch'), t.workspace_id, t.queue_id, t.type,
        count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL
    FROM tasks_app_task t
    WHERE t.id >= %(first_id)s AND t.id < %(last_id)s
      AND t.created_at >= %(from)s AND t.created_at < %(until)s
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT date_bin('1 minute', a.started_at, 'epoch'), a.workspace_id, a.queue_id, a.type,
        0, count(*), 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL
    FROM tasks_app_taskattempt a
    WHERE a.finished_at >= %(from)s AND a.finished_at < %(until)s::timestamptz + interval '1 hour'
      AND a.started_at >= %(from)s AND a.started_at < %(until)s
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT date_bin('1 minute', t.started_at, 'epoch'), t.workspace_id, t.queue_id, t.type,
        0, count(*), 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL
    FROM tasks_app_task t
    WHERE t.state = 'RUNNING' AND t.started_at >= %(from)s AND t.started_at < %(until)s
    GROUP BY 1, 2, 3, 4
), sums AS (
    SELECT at, workspace_id, queue_id, type, sum(submitted) AS submitted, sum(started) AS started,
        sum(completed) AS completed, sum(failed) AS failed, sum(failed_tasks) AS failed_tasks,
        sum(retried) AS retried, sum(lost) AS lost, sum(cancelled) AS cancelled,
        sum(run_ms) AS run_ms, sum(wait_ms) AS wait_ms,
        max(longest_run_ms) AS longest_run_ms, max(longest_wait_ms) AS longest_wait_ms
    FROM parts GROUP BY 1, 2, 3, 4
), runs AS (
    SELECT at, workspace_id, queue_id, type, jsonb_object_agg(run, n) AS runs
    FROM (
        SELECT at, workspace_id, queue_id, type, run, sum(n) AS n FROM cells
        WHERE outcome IN ('SUCCEEDED', 'FAILED', 'TIMED_OUT') GROUP BY 1, 2, 3, 4, 5
    ) by_bucket
    GROUP BY 1, 2, 3, 4
), waits AS (
    SELECT at, workspace_id, queue_id, type, jsonb_object_agg(wait, n) AS waits
    FROM (
        SELECT at, workspace_id, queue_id, type, wait, sum(n) AS n FROM cells GROUP BY 1, 2, 3, 4, 5
    ) by_bucket
    GROUP BY 1, 2, 3, 4
)
INSERT INTO tasks_app_rollup AS r (workspace_id, seconds, at, queue_id, type, submitted, started,
    completed, failed, failed_tasks, retried, lost, cancelled, run_ms, wait_ms, longest_run_ms,
    longest_wait_ms, runs, waits)
SELECT workspace_id, 60, at, queue_id, type, submitted, started, coalesce(completed, 0),
    coalesce(failed, 0), coalesce(failed_tasks, 0), coalesce(retried, 0), coalesce(lost, 0),
    coalesce(cancelled, 0), coalesce(run_ms, 0), coalesce(wait_ms, 0), longest_run_ms,
    longest_wait_ms, coalesce(runs, '{}'), coalesce(waits, '{}')
FROM sums
LEFT JOIN runs USING (at, workspace_id, queue_id, type)
LEFT JOIN waits USING (at, workspace_id, queue_id, type)
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
