-- What ended in each queue of a workspace since %(from)s, from the roll-ups of minutes, without the
-- types in %(hidden)s.
SELECT r.queue_id, sum(r.completed), sum(r.retried), sum(r.failed), sum(r.failed_tasks)
FROM tasks_app_rollup r
WHERE r.workspace_id = %(workspace)s AND r.seconds = 60 AND r.at >= %(from)s
  AND r.type <> ALL(%(hidden)s)
GROUP BY r.queue_id
