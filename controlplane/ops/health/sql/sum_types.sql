-- What the tasks of each type of a workspace did since %(since)s, from the roll-ups of hours, without
-- the types in %(hidden)s: sums, and the histograms of run times and of waits as JSON arrays, since
-- adding them up here would unnest each into rows.
SELECT type, sum(submitted)::bigint, sum(completed)::bigint, sum(failed_tasks)::bigint,
    sum(started)::bigint, sum(failed)::bigint, sum(retried)::bigint, sum(lost)::bigint,
    sum(cancelled)::bigint, sum(run_ms), sum(wait_ms),
    '[' || string_agg(runs::text, ',') || ']', '[' || string_agg(waits::text, ',') || ']'
FROM tasks_app_rollup
WHERE workspace_id = %(workspace)s AND seconds = 3600 AND at >= %(since)s AND type <> ALL(%(hidden)s)
GROUP BY type
ORDER BY type
