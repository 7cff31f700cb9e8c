-- What runs in each of these lanes, counted up to the number given for it.
SELECT few.lane, count(*)
FROM (
    SELECT lane.id AS lane
    FROM unnest(%(lanes)s::int[], %(most)s::int[]) AS lane (id, most)
    CROSS JOIN LATERAL (
        SELECT FROM tasks_app_task t
        WHERE t.queue_id = lane.id AND t.state = 'RUNNING'
        LIMIT lane.most
    ) running
) few
GROUP BY few.lane
