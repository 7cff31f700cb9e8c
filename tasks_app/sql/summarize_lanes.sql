-- What roll-ups of one length say of these lanes from %(from)s up to %(until)s: of each lane, of its
-- steps of %(step)s seconds, and of its types. `kind` is lane, step or type. The distributions of run
-- times and waits come with the lanes only.
WITH chosen AS MATERIALIZED (
    SELECT date_bin(%(step)s * interval '1 second', r.at, %(from)s) AS step, r.*
    FROM tasks_app_rollup r
    WHERE r.workspace_id = ANY(%(workspaces)s) AND r.seconds = %(seconds)s
      AND r.at >= %(from)s AND r.at < %(until)s AND r.queue_id = ANY(%(lanes)s)
), sums AS (
    SELECT queue_id, step, type, sum(submitted) AS submitted, sum(started) AS started,
        sum(completed) AS completed, sum(failed) AS failed, sum(failed_tasks) AS failed_tasks,
        sum(retried) AS retried, sum(cancelled) AS cancelled, sum(lost) AS lost, sum(run_ms) AS run_ms, sum(wait_ms) AS wait_ms,
        max(longest_run_ms) AS longest_run_ms, max(longest_wait_ms) AS longest_wait_ms
    FROM chosen GROUP BY GROUPING SETS ((queue_id), (queue_id, step), (queue_id, type))
), runs AS (
    SELECT queue_id, jsonb_object_agg(bucket, n) AS runs
    FROM (
        SELECT c.queue_id, b.key AS bucket, sum(b.value::bigint) AS n
        FROM chosen c CROSS JOIN LATERAL jsonb_each_text(c.runs) b GROUP BY 1, 2
    ) by_bucket
    GROUP BY 1
), waits AS (
    SELECT queue_id, jsonb_object_agg(bucket, n) AS waits
    FROM (
        SELECT c.queue_id, b.key AS bucket, sum(b.value::bigint) AS n
        FROM chosen c CROSS JOIN LATERAL jsonb_each_text(c.waits) b GROUP BY 1, 2
    ) by_bucket
    GROUP BY 1
)
SELECT s.queue_id,
    CASE WHEN s.step IS NOT NULL THEN 'step' WHEN s.type IS NOT NULL THEN 'type' ELSE 'lane' END,
    s.step, s.type, s.submitted::float8, s.started::float8, s.completed::float8, s.failed::float8,
    s.failed_tasks::float8, s.retried::float8, s.cancelled::float8, s.lost::float8, s.run_ms, s.wait_ms, s.longest_run_ms,
    s.longest_wait_ms,
    CASE WHEN s.step IS NULL AND s.type IS NULL THEN runs.runs END::text,
    CASE WHEN s.step IS NULL AND s.type IS NULL THEN waits.waits END::text
FROM sums s
LEFT JOIN runs ON runs.queue_id = s.queue_id
LEFT JOIN waits ON waits.queue_id = s.queue_id
