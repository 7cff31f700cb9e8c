-- Cancel all that can no longer run because one of these parents failed or was cancelled: the
-- closure over dependents that are blocked and do not run in spite of it.
WITH RECURSIVE doomed (id, parent) AS (
    SELECT d.task_id, d.depends_on_id
    FROM tasks_app_taskdependency d
    JOIN tasks_app_task t ON t.id = d.task_id
    WHERE d.depends_on_id = ANY(%(parents)s) AND NOT d.is_satisfied
      AND t.state = 'BLOCKED' AND t.on_parent_failure = 'cancel'
    UNION
    SELECT d.task_id, d.depends_on_id
    FROM doomed
    JOIN tasks_app_taskdependency d ON d.depends_on_id = doomed.id
    JOIN tasks_app_task t ON t.id = d.task_id
    WHERE NOT d.is_satisfied AND t.state = 'BLOCKED' AND t.on_parent_failure = 'cancel'
), first_cause AS (
    SELECT DISTINCT ON (id) id, parent FROM doomed ORDER BY id, parent
), locked AS MATERIALIZED (
    SELECT t.id FROM tasks_app_task t WHERE t.id IN (SELECT id FROM first_cause)
    ORDER BY t.id FOR NO KEY UPDATE
)
UPDATE tasks_app_task t
SET state = 'CANCELLED', finished_at = clock_timestamp(),
    error = jsonb_build_object(
        'class', 'ParentFailed',
        'message', 'Cancelled because the task it depends on, ' || c.parent || ', did not complete.',
        'traceback', '', 'category', 'CANCELLED_BY_PARENT')
FROM first_cause c JOIN locked ON locked.id = c.id
WHERE t.id = c.id AND t.state = 'BLOCKED'
RETURNING t.id, t.has_dependents
