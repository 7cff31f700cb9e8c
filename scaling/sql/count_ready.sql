-- How much of each lane is ready: at most its own number of rows, and at most %(in_all)s of all
-- lanes, so that backlogs of any size cost a bounded time.
SELECT few.lane, count(*)
FROM (
    SELECT lane.id AS lane
    FROM unnest(%(lanes)s::int[], %(most)s::int[]) AS lane (id, most)
    CROSS JOIN LATERAL (
        SELECT FROM tasks_app_task t
        WHERE t.queue_id = lane.id AND t.state = 'PENDING'
        LIMIT lane.most
    ) ready
    LIMIT %(in_all)s
) few
GROUP BY few.lane
