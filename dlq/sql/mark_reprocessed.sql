-- The open letters of tasks whose work is done again, locked in the order of their ids.
WITH pair AS (
    SELECT * FROM unnest(%(tasks)s::uuid[], %(new_tasks)s::uuid[]) AS p (task_id, new_task_id)
), locked AS MATERIALIZED (
    SELECT l.id, p.new_task_id
    FROM dlq_deadletter l
    JOIN pair p ON p.task_id = l.task_id
    WHERE l.status = 'OPEN'
    ORDER BY l.id
    FOR NO KEY UPDATE OF l
)
UPDATE dlq_deadletter l
SET status = 'REPROCESSED', reprocessed_task_id = locked.new_task_id, resolved_by = %(by)s,
    resolved_at = %(now)s
FROM locked
WHERE l.id = locked.id AND l.status = 'OPEN'
RETURNING l.id
