-- How the attempts of each type of a workspace ended and how long they ran: in the minutes since %(recent)s, and in the
-- hours of the day before %(hour)s. Without the types in %(hidden)s.
SELECT type,
    sum(completed) FILTER (WHERE is_recent)::bigint, sum(failed) FILTER (WHERE is_recent)::bigint,
    sum(completed) FILTER (WHERE NOT is_recent)::bigint,
    sum(failed) FILTER (WHERE NOT is_recent)::bigint,
    sum(run_ms) FILTER (WHERE is_recent), sum(run_ms) FILTER (WHERE NOT is_recent)
FROM (
    SELECT type, completed, failed, run_ms, true AS is_recent FROM tasks_app_rollup
    WHERE workspace_id = %(workspace)s AND seconds = 60 AND at >= %(recent)s
    UNION ALL
    SELECT type, completed, failed, run_ms, false FROM tasks_app_rollup
    WHERE workspace_id = %(workspace)s AND seconds = 3600
      AND at >= %(hour)s::timestamptz - interval '1 day' AND at < %(hour)s
) parts
WHERE type <> ALL(%(hidden)s)
GROUP BY type
HAVING bool_or(is_recent)
