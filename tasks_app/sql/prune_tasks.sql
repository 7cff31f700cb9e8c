-- Remove ended tasks that were created and finished before the cutoff, with their history. The time
-- of the end is compared in a form that no index serves: the planner takes it to be independent of
-- the age, and would read and sort all that is past the cutoff for each batch.
WITH doomed AS MATERIALIZED (
    SELECT t.id, t.ctid AS place
    FROM tasks_app_task t
    WHERE t.id < %(below)s AND coalesce(t.finished_at, 'infinity') < %(before)s
    ORDER BY t.id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), edges AS (
    DELETE FROM tasks_app_taskdependency d
    USING doomed
    WHERE d.task_id = doomed.id
), attempts AS (
    DELETE FROM tasks_app_taskattempt a USING doomed WHERE a.task_id = doomed.id RETURNING 1
), logs AS (
    DELETE FROM tasks_app_tasklog l USING doomed WHERE l.task_id = doomed.id RETURNING 1
), tasks AS (
    DELETE FROM tasks_app_task t WHERE t.ctid = ANY(ARRAY(SELECT place FROM doomed))
    RETURNING t.workspace_id, t.queue_id, t.type, t.state
), counted AS (
    INSERT INTO tasks_app_taskcountchange (workspace_id, queue_id, type, existing, completed, failed,
        cancelled)
    SELECT workspace_id, queue_id, type, -count(*), -count(*) FILTER (WHERE state = 'COMPLETED'),
        -count(*) FILTER (WHERE state = 'FAILED'), -count(*) FILTER (WHERE state = 'CANCELLED')
    FROM tasks GROUP BY 1, 2, 3
)
SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM attempts), (SELECT count(*) FROM logs)
