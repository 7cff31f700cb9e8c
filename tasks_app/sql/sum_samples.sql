-- What waited and ran in all queues of a workspace, by steps of %(step)s seconds from %(from)s up to
-- %(until)s, with the slots of the workers. A step has the values of its last minute that was
-- sampled, and the longest wait of all its minutes, without that
-- of the queues in %(apart)s.
WITH minutes AS MATERIALIZED (
    SELECT m.at, m.slots, date_bin(%(step)s * interval '1 second', m.at, %(from)s) AS step
    FROM tasks_app_minutesample m
    WHERE m.at >= %(from)s AND m.at <= %(until)s
), sums AS (
    SELECT s.at, sum(s.waiting)::bigint AS waiting, sum(s.running)::bigint AS running,
        max(s.oldest_wait_ms) FILTER (WHERE s.queue_id <> ALL(%(apart)s)) AS oldest_wait_ms
    FROM tasks_app_queuesample s
    WHERE s.queue_id IN (SELECT q.id FROM tasks_app_queue q WHERE q.workspace_id = %(workspace)s)
      AND s.at >= %(from)s AND s.at <= %(until)s
    GROUP BY s.at
)
SELECT DISTINCT ON (m.step) m.step, coalesce(s.waiting, 0), coalesce(s.running, 0), m.slots,
    max(coalesce(s.oldest_wait_ms, 0)) OVER (PARTITION BY m.step)
FROM minutes m LEFT JOIN sums s ON s.at = m.at
ORDER BY m.step, m.at DESC
