-- The open letters of tasks whose work is done once more, locked in the order of their ids.
WITH repeat AS (
    SELECT * FROM unnest(%(tasks)s::uuid[], %(repeats)s::uuid[]) AS r (task_id, repeat_id)
), locked AS MATERIALIZED (
    SELECT l.id, r.repeat_id
    FROM dlq_deadletter l
    JOIN repeat r ON r.task_id = l.task_id
    WHERE l.status = 'OPEN'
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
)
UPDATE dlq_deadletter l
SET status = 'REPROCESSED', reprocessed_task_id = locked.repeat_id, resolved_by = %(by)s,
    resolved_at = %(now)s
FROM locked
WHERE l.id = locked.id AND l.status = 'OPEN'
RETURNING l.id
