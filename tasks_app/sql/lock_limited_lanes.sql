-- The lanes of a queue that have a limit, locked, in turn. The lock, held to the end of the
-- transaction, makes "count what runs, then claim" exact.
SELECT q.id, q.max_running, q.rate_per_second, q.rate_tokens,
    extract(epoch FROM clock_timestamp() - q.rate_at)::float8 AS idle_seconds
FROM tasks_app_queue q
WHERE q.name = %(queue)s
  AND q.paused_at IS NULL
  AND (q.max_running IS NOT NULL OR q.rate_per_second IS NOT NULL)
  -- Not EXISTS: see claim_ready.sql.
  AND (SELECT true FROM tasks_app_task t WHERE t.queue_id = q.id AND t.state = 'PENDING'
       ORDER BY t.priority DESC, t.id LIMIT 1)
  AND EXISTS (SELECT FROM workers_node n WHERE n.id = %(node)s AND n.state = 'ACTIVE')
ORDER BY (q.id <= %(after)s), q.id
LIMIT %(want)s
FOR NO KEY UPDATE OF q SKIP LOCKED
