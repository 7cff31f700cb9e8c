-- The tasks of some queues at one moment: those that exist, by queue and type, and how many of them
-- have ended how, from the counts; those that have not ended, by queue and state, from the partial
-- indexes. Types in %(hidden)s are left out of both.
--   workspaces, lanes  which queues: all of these workspaces, or these
--   {most}             where counting one state of one queue stops, so that a backlog of any size
--                      costs a bounded time; if it stops for one state only, that one has what
--                      remains of the unfinished tasks of the queue. The caller fills it in: for
--                      a limit that it does not know, the server would make a plan at each call
--   changes            how many changes that are not folded are added; if there are as many, none
WITH bound AS MATERIALIZED (
    SELECT count(*) < %(changes)s AS is_kept
    FROM (SELECT FROM tasks_app_taskcountchange LIMIT %(changes)s) few
), lane AS MATERIALIZED (
    SELECT id, workspace_id FROM tasks_app_queue
    WHERE workspace_id = ANY(%(workspaces)s) OR id = ANY(%(lanes)s)
), kinds AS MATERIALIZED (
    SELECT c.queue_id, c.type, sum(c.existing)::bigint AS existing,
        sum(c.completed)::bigint AS completed, sum(c.failed)::bigint AS failed,
        sum(c.cancelled)::bigint AS cancelled
    FROM tasks_app_taskcounts c
    JOIN lane ON lane.workspace_id = c.workspace_id AND lane.id = c.queue_id
    WHERE NOT c.is_change OR (SELECT is_kept FROM bound)
    GROUP BY c.queue_id, c.type
), mixed AS MATERIALIZED (
    -- Queues with unfinished tasks of hidden types.
    SELECT queue_id FROM kinds
    WHERE type = ANY(%(hidden)s) AND existing > completed + failed + cancelled
    GROUP BY queue_id
), held AS MATERIALIZED (
    SELECT lane.id, unfinished.state, unfinished.tasks
    FROM lane CROSS JOIN LATERAL tasks_app_count_unfinished(lane.id, {most}, '{{}}') unfinished
    WHERE lane.id NOT IN (SELECT queue_id FROM mixed)
    UNION ALL
    SELECT mixed.queue_id, unfinished.state, unfinished.tasks
    FROM mixed
    CROSS JOIN LATERAL tasks_app_count_unfinished(mixed.queue_id, {most}, %(hidden)s) unfinished
), rest AS (
    SELECT h.id, k.unfinished - sum(h.tasks) FILTER (WHERE h.tasks < {most}) AS tasks
    FROM held h
    JOIN (
        SELECT queue_id, sum(existing - completed - failed - cancelled)::bigint AS unfinished
        FROM kinds WHERE type <> ALL(%(hidden)s) GROUP BY queue_id
    ) k ON k.queue_id = h.id
    WHERE (SELECT is_kept FROM bound)
    GROUP BY h.id, k.unfinished
    HAVING count(*) FILTER (WHERE h.tasks >= {most}) = 1
), counted AS (
    SELECT h.id, h.state, h.tasks >= {most} AND r.id IS NULL AS is_capped,
        CASE WHEN h.tasks < {most} THEN h.tasks ELSE greatest(h.tasks, r.tasks) END AS tasks
    FROM held h LEFT JOIN rest r ON r.id = h.id
)
SELECT jsonb_build_object(
    'kinds', coalesce((SELECT jsonb_agg(jsonb_build_array(queue_id, type, existing, completed,
        failed, cancelled)) FROM kinds WHERE type <> ALL(%(hidden)s) AND existing > 0), '[]'),
    'held', coalesce((SELECT jsonb_agg(jsonb_build_array(id, state, tasks, is_capped))
        FROM counted WHERE tasks > 0), '[]'),
    'isComplete', (SELECT is_kept FROM bound)
)::text
