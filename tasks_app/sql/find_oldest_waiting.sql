-- How long the ready task that waits longest has waited, per lane, in milliseconds. The index of
-- ready rows is in the order (lane, priority, id): this hops from priority to priority and looks
-- at the oldest ids of each, so a backlog of any size costs a bounded time: at %(some)s, or fewer,
-- if these would be more than %(most)s in a lane with many priorities, but at one at least.
WITH RECURSIVE hop (lane, priority, id, ready_at) AS (
    SELECT q.id, first.priority, first.id, first.ready_at
    FROM tasks_app_queue q
    CROSS JOIN LATERAL (
        SELECT t.priority, t.id, coalesce(t.run_at, t.created_at) AS ready_at
        FROM tasks_app_task t
        WHERE t.queue_id = q.id AND t.state = 'PENDING'
        ORDER BY t.priority DESC, t.id LIMIT 1
    ) first
    WHERE q.id = ANY(%(lanes)s)
    UNION ALL
    SELECT hop.lane, next.priority, next.id, next.ready_at
    FROM hop
    CROSS JOIN LATERAL (
        SELECT t.priority, t.id, coalesce(t.run_at, t.created_at) AS ready_at
        FROM tasks_app_task t
        WHERE t.queue_id = hop.lane AND t.state = 'PENDING' AND t.priority < hop.priority
        ORDER BY t.priority DESC, t.id LIMIT 1
    ) next
), share AS MATERIALIZED (
    SELECT lane, least(%(some)s, %(most)s / count(*)) AS oldest FROM hop GROUP BY lane
), old AS (
    SELECT lane, ready_at FROM hop
    UNION ALL
    SELECT hop.lane, behind.ready_at
    FROM hop
    JOIN share ON share.lane = hop.lane AND share.oldest > 1
    CROSS JOIN LATERAL (
        SELECT coalesce(t.run_at, t.created_at) AS ready_at
        FROM tasks_app_task t
        WHERE t.queue_id = hop.lane AND t.state = 'PENDING' AND t.priority = hop.priority
            AND t.id > hop.id
        ORDER BY t.id LIMIT share.oldest - 1
    ) behind
)
SELECT lane, greatest(0, max(extract(epoch FROM clock_timestamp() - ready_at)) * 1000)::bigint
FROM old
GROUP BY lane
