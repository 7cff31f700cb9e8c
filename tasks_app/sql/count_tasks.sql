-- The tasks of workspaces at one moment: those that exist, by queue and type, and how many of them
-- have ended how, from the counts; those that have not ended, by queue and state, from the partial
-- indexes. Types in %(hidden)s are left out of both.
--   most       where counting one state of one queue stops; if it stops for one state only, that one
--              has what remains of the unfinished tasks of the queue
--   changes    how many changes that are not folded yet are read
WITH recent AS MATERIALIZED (
    SELECT * FROM tasks_app_taskcountchange LIMIT %(changes)s
), kinds AS MATERIALIZED (
    SELECT queue_id, type, sum(existing)::bigint AS existing, sum(completed)::bigint AS completed,
        sum(failed)::bigint AS failed, sum(cancelled)::bigint AS cancelled
    FROM (
        SELECT queue_id, type, existing, completed, failed, cancelled
        FROM tasks_app_taskcount WHERE workspace_id = ANY(%(workspaces)s)
        UNION ALL
        SELECT queue_id, type, existing, completed, failed, cancelled
        FROM recent WHERE workspace_id = ANY(%(workspaces)s)
    ) parts
    GROUP BY queue_id, type
), mixed AS MATERIALIZED (
    -- Queues with unfinished tasks of hidden types: only there do rows have to be looked at. All
    -- other queues are counted in the index alone, which does not know the types.
    SELECT queue_id FROM kinds
    WHERE type = ANY(%(hidden)s) AND existing > completed + failed + cancelled
    GROUP BY queue_id
), held AS MATERIALIZED (
    SELECT q.id, state.name, state.tasks
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
    WHERE q.workspace_id = ANY(%(workspaces)s) AND q.id NOT IN (SELECT queue_id FROM mixed)
    UNION ALL
    SELECT m.queue_id, state.name, state.tasks
    FROM mixed m
    CROSS JOIN LATERAL (
        SELECT 'PENDING' AS name, (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = m.queue_id AND t.state = 'PENDING'
                AND t.type <> ALL(%(hidden)s) LIMIT %(most)s) few) AS tasks
        UNION ALL
        SELECT 'RUNNING', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = m.queue_id AND t.state = 'RUNNING'
                AND t.type <> ALL(%(hidden)s) LIMIT %(most)s) few)
        UNION ALL
        SELECT 'SCHEDULED', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = m.queue_id AND t.state = 'SCHEDULED'
                AND t.type <> ALL(%(hidden)s) LIMIT %(most)s) few)
        UNION ALL
        SELECT 'RETRYING', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = m.queue_id AND t.state = 'RETRYING'
                AND t.type <> ALL(%(hidden)s) LIMIT %(most)s) few)
        UNION ALL
        SELECT 'BLOCKED', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
            WHERE t.queue_id = m.queue_id AND t.state = 'BLOCKED'
                AND t.type <> ALL(%(hidden)s) LIMIT %(most)s) few)
    ) state
), rest AS (
    SELECT h.id, k.unfinished - sum(h.tasks) FILTER (WHERE h.tasks < %(most)s) AS tasks
    FROM held h
    JOIN (
        SELECT queue_id, sum(existing - completed - failed - cancelled)::bigint AS unfinished
        FROM kinds WHERE type <> ALL(%(hidden)s) GROUP BY queue_id
    ) k ON k.queue_id = h.id
    WHERE (SELECT count(*) FROM recent) < %(changes)s
    GROUP BY h.id, k.unfinished
    HAVING count(*) FILTER (WHERE h.tasks >= %(most)s) = 1
), counted AS MATERIALIZED (
    SELECT h.id, h.name, h.tasks >= %(most)s AND r.id IS NULL AS is_capped,
        CASE WHEN h.tasks < %(most)s THEN h.tasks ELSE greatest(h.tasks, r.tasks) END AS tasks
    FROM held h LEFT JOIN rest r ON r.id = h.id
)
SELECT jsonb_build_object(
    'kinds', coalesce((SELECT jsonb_agg(jsonb_build_array(queue_id, type, existing, completed,
        failed, cancelled)) FROM kinds WHERE type <> ALL(%(hidden)s) AND existing > 0), '[]'),
    'held', coalesce((SELECT jsonb_agg(jsonb_build_array(id, name, tasks)) FROM counted
        WHERE tasks > 0), '[]'),
    'isCapped', coalesce((SELECT bool_or(is_capped) FROM counted), false),
    'isEstimate', (SELECT count(*) >= %(changes)s FROM recent)
)::text
