-- What roll-ups of one length say of a workspace from %(from)s up to %(until)s, without types in
-- %(hidden)s; only those in %(types)s, unless that is NULL. `kind` is all, step (of %(step)s seconds),
-- type or queue for sums. `rollups` has the histograms of all roll-ups of one moment, at most
-- %(most)s roll-ups, as JSON arrays of the same order. Adding histograms up here would unnest each
-- into rows, which costs three times what reading them as text and adding them in the app does.
WITH chosen AS NOT MATERIALIZED (
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
)
SELECT CASE WHEN s.step IS NOT NULL THEN 'step' WHEN s.type IS NOT NULL THEN 'type'
        WHEN s.queue_id IS NOT NULL THEN 'queue' ELSE 'all' END AS kind,
    s.step, s.type, q.name, coalesce(s.submitted, 0)::float8, coalesce(s.started, 0)::float8,
    coalesce(s.completed, 0)::float8, coalesce(s.failed, 0)::float8,
    coalesce(s.failed_tasks, 0)::float8, coalesce(s.retried, 0)::float8,
    coalesce(s.cancelled, 0)::float8, coalesce(s.lost, 0)::float8,
    coalesce(s.run_ms, 0), coalesce(s.wait_ms, 0), s.longest_run_ms, s.longest_wait_ms,
    s.queue_id, NULL AS types, NULL AS queues, NULL AS runs, NULL AS waits
FROM sums s LEFT JOIN tasks_app_queue q ON q.id = s.queue_id
UNION ALL
SELECT 'rollups', h.step, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, array_to_json(array_agg(h.type))::text,
    array_to_json(array_agg(h.queue_id))::text, '[' || string_agg(h.runs::text, ',') || ']',
    '[' || string_agg(h.waits::text, ',') || ']'
-- In the order of the index, so that the groups need neither a sort nor a table of hashes.
FROM (SELECT * FROM chosen ORDER BY at LIMIT %(most)s) h
GROUP BY h.at, h.step
