-- Cancel all that can no longer run because one of these parents failed or was cancelled: the
-- closure over dependents that are blocked and do not run in spite of it.
-- OFFSET 0 and the changed state keep the planner from beginning with the blocked tasks, and from
-- looking for each dependent in the index that has all of them (task_held): of ten thousand that were
-- submitted a moment ago its figures know nothing, and it would try each of them with each of the
-- others.
WITH RECURSIVE doomed (id, parent, has_dependents) AS (
    SELECT child.id, child.parent, blocked.has_dependents
    FROM unnest(%(parents)s::uuid[]) AS ended (id)
    CROSS JOIN LATERAL (
        SELECT d.task_id AS id, d.depends_on_id AS parent
        FROM tasks_app_taskdependency d
        WHERE d.depends_on_id = ended.id AND NOT d.is_satisfied
        OFFSET 0
    ) AS child
    CROSS JOIN LATERAL (
        SELECT t.has_dependents FROM tasks_app_task t
        WHERE t.id = child.id AND t.state || '' = 'BLOCKED' AND t.on_parent_failure = 'cancel'
        OFFSET 0
    ) AS blocked
    UNION
    SELECT child.id, child.parent, blocked.has_dependents
    FROM doomed
    CROSS JOIN LATERAL (
        SELECT d.task_id AS id, d.depends_on_id AS parent
        FROM tasks_app_taskdependency d
        WHERE d.depends_on_id = doomed.id AND NOT d.is_satisfied
        OFFSET 0
    ) AS child
    CROSS JOIN LATERAL (
        SELECT t.has_dependents FROM tasks_app_task t
        WHERE t.id = child.id AND t.state || '' = 'BLOCKED' AND t.on_parent_failure = 'cancel'
        OFFSET 0
    ) AS blocked
    WHERE doomed.has_dependents
), first_cause AS MATERIALIZED (
    SELECT DISTINCT ON (id) id, parent FROM doomed ORDER BY id, parent
), locked AS MATERIALIZED (
    SELECT t.id, c.parent
    FROM first_cause c JOIN tasks_app_task t ON t.id = c.id
    ORDER BY t.id
    FOR NO KEY UPDATE OF t
), done AS (
    UPDATE tasks_app_task t
    SET state = 'CANCELLED', finished_at = clock_timestamp(),
        error = jsonb_build_object(
            'class', 'ParentFailed',
            'message',
            'Cancelled because the task it depends on, ' || locked.parent || ', did not complete.',
            'traceback', '', 'category', 'CANCELLED_BY_PARENT')
    FROM locked
    WHERE t.id = locked.id AND t.state || '' = 'BLOCKED'
    RETURNING t.id, t.has_dependents, t.workspace_id, t.queue_id, t.type
), counted AS (
    INSERT INTO tasks_app_taskcountchange (workspace_id, queue_id, type, existing, completed, failed,
        cancelled)
    SELECT workspace_id, queue_id, type, 0, 0, 0, count(*) FROM done GROUP BY 1, 2, 3
)
SELECT id, has_dependents FROM done
