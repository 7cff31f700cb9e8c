-- The types of the ready tasks of these lanes: in each lane the first %(most)s that will be claimed.
SELECT lane.id, first.type, count(*)
FROM unnest(%(lanes)s::int[]) AS lane (id)
CROSS JOIN LATERAL (
    SELECT t.type FROM tasks_app_task t
    WHERE t.queue_id = lane.id AND t.state = 'PENDING'
    ORDER BY t.priority DESC, t.id
    LIMIT %(most)s
) first
GROUP BY 1, 2
