-- What roll-ups of one length say of a workspace from %(from)s up to %(until)s: in all, by steps of
-- %(step)s seconds, by type and by queue, without types in %(hidden)s; only those in %(types)s, unless
-- that is NULL. `kind` is all, step, type or queue.
WITH chosen AS MATERIALIZED (
    SELECT date_bin(%(step)s * interval '1 second', r.at, %(from)s) AS step, r.*
    FROM tasks_app_rollup r
    WHERE r.workspace_id = %(workspace)s AND r.seconds = %(seconds)s AND r.at >= %(from)s
      AND r.at < %(until)s AND r.type <> ALL(%(hidden)s)
      AND (%(types)s::text[] IS NULL OR r.type = ANY(%(types)s))
), sums AS (
    SELECT step, type, queue_id, sum(submitted) AS submitted, sum(started) AS started,
        sum(completed) AS completed, sum(failed) AS failed, sum(failed_tasks) AS failed_tasks,
        sum(retried) AS retried, sum(cancelled) AS cancelled, sum(lost) AS lost, sum(run_ms) AS run_ms, sum(wait_ms) AS wait_ms,
        max(longest_run_ms) AS longest_run_ms, max(longest_wait_ms) AS longest_wait_ms
    FROM chosen GROUP BY GROUPING SETS ((), (step), (type), (queue_id))
), runs AS (
    SELECT step, type, queue_id, jsonb_object_agg(bucket, n) AS runs
    FROM (
        SELECT c.step, c.type, c.queue_id, b.key AS bucket, sum(b.value::bigint) AS n
        FROM chosen c CROSS JOIN LATERAL jsonb_each_text(c.runs) b
        GROUP BY GROUPING SETS ((b.key), (c.step, b.key), (c.type, b.key), (c.queue_id, b.key))
    ) by_bucket
    GROUP BY 1, 2, 3
), waits AS (
    SELECT step, type, queue_id, jsonb_object_agg(bucket, n) AS waits
    FROM (
        SELECT c.step, c.type, c.queue_id, b.key AS bucket, sum(b.value::bigint) AS n
        FROM chosen c CROSS JOIN LATERAL jsonb_each_text(c.waits) b
        GROUP BY GROUPING SETS ((b.key), (c.step, b.key), (c.type, b.key), (c.queue_id, b.key))
    ) by_bucket
    GROUP BY 1, 2, 3
)
SELECT CASE WHEN s.step IS NOT NULL THEN 'step' WHEN s.type IS NOT NULL THEN 'type'
        WHEN s.queue_id IS NOT NULL THEN 'queue' ELSE 'all' END AS kind,
    s.step, s.type, q.name, coalesce(s.submitted, 0)::float8, coalesce(s.started, 0)::float8,
    coalesce(s.completed, 0)::float8, coalesce(s.failed, 0)::float8,
    coalesce(s.failed_tasks, 0)::float8, coalesce(s.retried, 0)::float8,
    coalesce(s.cancelled, 0)::float8, coalesce(s.lost, 0)::float8,
    coalesce(s.run_ms, 0), coalesce(s.wait_ms, 0), s.longest_run_ms, s.longest_wait_ms,
    coalesce(runs.runs, '{}')::text, coalesce(waits.waits, '{}')::text
FROM sums s
-- Equal values, so that the joins are hashed: IS NOT DISTINCT FROM compares all with all.
LEFT JOIN runs ON coalesce(runs.step, '-infinity') = coalesce(s.step, '-infinity')
    AND coalesce(runs.type, '') = coalesce(s.type, '')
    AND coalesce(runs.queue_id, 0) = coalesce(s.queue_id, 0)
LEFT JOIN waits ON coalesce(waits.step, '-infinity') = coalesce(s.step, '-infinity')
    AND coalesce(waits.type, '') = coalesce(s.type, '')
    AND coalesce(waits.queue_id, 0) = coalesce(s.queue_id, 0)
LEFT JOIN tasks_app_queue q ON q.id = s.queue_id
