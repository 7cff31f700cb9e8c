-- How long the ready task that waits longest has waited, per lane, in milliseconds. The index of
-- ready rows is in the order (lane, priority, id): this hops from priority to priority and looks
-- at the oldest ids of each, so a backlog of any size costs a bounded time: at %(some)s, or fewer
-- but at least two where these would be more than %(most)s in a lane with many priorities.
WITH RECURSIVE hop (lane, priority) AS (
    SELECT q.id, first.priority
    FROM tasks_app_queue q
    CROSS JOIN LATERAL (
        SELECT t.priority FROM tasks_app_task t
        WHERE t.queue_id = q.id AND t.state = 'PENDING'
        ORDER BY t.priority DESC LIMIT 1
    ) first
    WHERE q.id = ANY(%(lanes)s)
    UNION ALL
    SELECT hop.lane, next.priority
    FROM hop
    CROSS JOIN LATERAL (
        SELECT t.priority FROM tasks_app_task t
        WHERE t.queue_id = hop.lane AND t.state = 'PENDING' AND t.priority < hop.priority
        ORDER BY t.priority DESC LIMIT 1
    ) next
), share AS MATERIALIZED (
    SELECT lane, greatest(2, least(%(some)s, %(most)s / count(*))) AS oldest FROM hop GROUP BY lane
)
SELECT hop.lane,
    greatest(0, max(extract(epoch FROM clock_timestamp() - old.ready_at)) * 1000)::bigint
FROM hop
JOIN share USING (lane)
CROSS JOIN LATERAL (
    SELECT coalesce(t.run_at, t.created_at) AS ready_at
    FROM tasks_app_task t
    WHERE t.queue_id = hop.lane AND t.state = 'PENDING' AND t.priority = hop.priority
    ORDER BY t.id LIMIT share.oldest
) old
GROUP BY hop.lane
