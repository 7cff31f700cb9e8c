-- The work of these letters is done, or given up, by %(rerun)s: so is that of the letters whose
-- reprocessing led to them.
WITH RECURSIVE done (id, workspace_id, task_id) AS (
    SELECT l.id, l.workspace_id, l.task_id
    FROM dlq_deadletter l WHERE l.id = ANY(%(ids)s::uuid[])
    UNION
    SELECT a.id, a.workspace_id, a.task_id
    FROM done d
    JOIN dlq_deadletter a ON a.reprocessed_task_id = d.task_id
        AND a.workspace_id = d.workspace_id AND a.id < d.id
    WHERE a.status = 'REPROCESSED' AND a.rerun IN ('', 'DIED')
), locked AS MATERIALIZED (
    SELECT l.id FROM dlq_deadletter l
    WHERE l.id IN (SELECT id FROM done) AND l.status = 'REPROCESSED' AND l.rerun IN ('', 'DIED')
    ORDER BY l.id
    FOR NO KEY UPDATE
)
UPDATE dlq_deadletter l SET rerun = %(rerun)s
FROM locked
WHERE l.id = locked.id AND l.rerun IN ('', 'DIED')
