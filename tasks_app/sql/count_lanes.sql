-- What waits and runs in each of these lanes, from the partial indexes. Each count stops at
-- %(most)s, so that a backlog of any size costs a bounded time. If it stops for one state only, that
-- one has what remains of the unfinished tasks, which the counts of tasks know; the last column says
-- whether another count has stopped too. %(changes)s: how many changes that are not folded are read.
WITH recent AS MATERIALIZED (
    SELECT * FROM tasks_app_taskcountchange LIMIT %(changes)s
), unfinished AS MATERIALIZED (
    SELECT queue_id, sum(existing - completed - failed - cancelled)::bigint AS tasks
    FROM (
        SELECT queue_id, existing, completed, failed, cancelled FROM tasks_app_taskcount
        UNION ALL
        SELECT queue_id, existing, completed, failed, cancelled FROM recent
    ) parts
    WHERE queue_id = ANY(%(lanes)s) AND (SELECT count(*) FROM recent) < %(changes)s
    GROUP BY queue_id
), held AS MATERIALIZED (
    SELECT q.id, state.name, state.tasks, state.tasks >= %(most)s AS is_capped
    FROM tasks_app_queue q
    CROSS JOIN LATERAL (
        SELECT 'PENDING' AS name, (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = q.id AND t.state = 'PENDING' LIMIT %(most)s) few) AS tasks
        UNION ALL
        SELECT 'RUNNING', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = q.id AND t.state = 'RUNNING' LIMIT %(most)s) few)
        UNION ALL
        SELECT 'SCHEDULED', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = q.id AND t.state = 'SCHEDULED' LIMIT %(most)s) few)
        UNION ALL
        SELECT 'RETRYING', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = q.id AND t.state = 'RETRYING' LIMIT %(most)s) few)
        UNION ALL
        SELECT 'BLOCKED', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = q.id AND t.state = 'BLOCKED' LIMIT %(most)s) few)
    ) state
    WHERE q.id = ANY(%(lanes)s)
), rest AS (
    SELECT h.id, greatest(%(most)s, u.tasks - sum(h.tasks) FILTER (WHERE NOT h.is_capped)) AS tasks
    FROM held h JOIN unfinished u ON u.queue_id = h.id
    GROUP BY h.id, u.tasks
    HAVING count(*) FILTER (WHERE h.is_capped) = 1
), counted AS (
    SELECT h.id, h.name, CASE WHEN h.is_capped AND r.id IS NOT NULL THEN r.tasks ELSE h.tasks END
        AS tasks, h.is_capped AND r.id IS NULL AS is_capped
    FROM held h LEFT JOIN rest r ON r.id = h.id
)
SELECT id,
    (sum(tasks) FILTER (WHERE name = 'PENDING'))::bigint,
    (sum(tasks) FILTER (WHERE name = 'RUNNING'))::bigint,
    (sum(tasks) FILTER (WHERE name = 'SCHEDULED'))::bigint,
    (sum(tasks) FILTER (WHERE name = 'RETRYING'))::bigint,
    (sum(tasks) FILTER (WHERE name = 'BLOCKED'))::bigint,
    bool_or(is_capped)
FROM counted
GROUP BY id
