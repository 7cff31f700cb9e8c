-- Queues that have ready work now, with a lower bound of how much. Limited lanes count only while
-- their limit has room: a bell for a full lane would wake a slot for nothing.
SELECT q.name, sum(ready.waiting)::int
FROM tasks_app_queue q
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting
    FROM (
        SELECT FROM tasks_app_task t WHERE t.queue_id = q.id AND t.state = 'PENDING'
        ORDER BY t.priority DESC, t.id LIMIT 16
    ) probe
) ready
WHERE q.paused_at IS NULL AND ready.waiting > 0
  AND (q.max_running IS NULL OR q.max_running > (
      SELECT count(*) FROM tasks_app_task t WHERE t.queue_id = q.id AND t.state = 'RUNNING'))
GROUP BY q.name
