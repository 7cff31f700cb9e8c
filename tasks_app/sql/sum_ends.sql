-- What ended in a workspace by steps of %(step)s seconds since %(from)s, from the roll-ups of
-- minutes: of all types but %(hidden)s together, or of each in %(types)s.
SELECT date_bin(%(step)s * interval '1 second', r.at, %(from)s),
    CASE WHEN %(types)s::text[] IS NULL THEN '' ELSE r.type END,
    sum(r.completed), sum(r.retried), sum(r.failed), sum(r.failed_tasks)
FROM tasks_app_rollup r
WHERE r.workspace_id = %(workspace)s AND r.seconds = 60 AND r.at >= %(from)s
  AND r.type <> ALL(%(hidden)s)
  AND (%(types)s::text[] IS NULL OR r.type = ANY(%(types)s::text[]))
GROUP BY 1, 2
