-- Let the table of tags follow what is about to change the tags of a task that has not started. The
-- lock keeps it from starting before the change.
WITH task AS MATERIALIZED (
    SELECT id, workspace_id, type, tags
    FROM tasks_app_task
    WHERE id = %(id)s AND workspace_id = %(workspace)s
        AND attempt = 0 AND state IN ('BLOCKED', 'SCHEDULED', 'PENDING')
    FOR NO KEY UPDATE
), removed AS (
    DELETE FROM tasks_app_tasktag g USING task
    WHERE g.workspace_id = task.workspace_id AND g.tag = ANY(task.tags) AND g.task_id = task.id
        AND g.tag <> ALL(%(tags)s::text[])
)
INSERT INTO tasks_app_tasktag (workspace_id, tag, task_id, type)
SELECT task.workspace_id, tag, task.id, task.type FROM task CROSS JOIN unnest(%(tags)s::text[]) tag
ON CONFLICT DO NOTHING
