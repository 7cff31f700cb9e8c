-- Count these parents as satisfied, and release the dependents that waited for nothing else.
-- An edge is satisfied once (`is_satisfied`), and the decrement is computed on the locked row, so
-- two parents that end together release their dependent exactly once. Locked in id order, since
-- two batches may share dependents.
--   any_policy  false: only dependents that run in spite of a failed parent
WITH edge AS (
    UPDATE tasks_app_taskdependency d
    SET is_satisfied = true
    FROM tasks_app_task child
    WHERE d.depends_on_id = ANY(%(parents)s) AND NOT d.is_satisfied AND child.id = d.task_id
      AND (%(any_policy)s OR child.on_parent_failure = 'run')
    RETURNING d.task_id
), freed AS MATERIALIZED (
    SELECT task_id, count(*)::int AS edges FROM edge GROUP BY task_id
), locked AS MATERIALIZED (
    SELECT t.id
    FROM tasks_app_task t
    WHERE t.id IN (SELECT task_id FROM freed)
    ORDER BY t.id
    FOR NO KEY UPDATE
), released AS (
    UPDATE tasks_app_task t
    SET blocked_by = t.blocked_by - freed.edges,
        state = CASE
            WHEN t.state <> 'BLOCKED' OR t.blocked_by > freed.edges THEN t.state
            WHEN t.run_at > clock_timestamp() THEN 'SCHEDULED'
            ELSE 'PENDING' END,
        run_at = CASE
            WHEN t.state = 'BLOCKED' AND t.blocked_by = freed.edges
            THEN greatest(t.run_at, clock_timestamp()) ELSE t.run_at END
    FROM locked JOIN freed ON freed.task_id = locked.id
    WHERE t.id = locked.id
    RETURNING t.queue_id, t.state
)
SELECT DISTINCT q.name
FROM released r JOIN tasks_app_queue q ON q.id = r.queue_id
WHERE r.state = 'PENDING'
