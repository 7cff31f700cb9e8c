-- Note the difference between the tasks that exist and what the counts say. A statement sees one
-- moment, in which every other transaction has written both or neither: so it may run at any time.
-- It reads all tasks.
WITH counted AS (
    SELECT workspace_id, queue_id, type, sum(existing) AS existing, sum(completed) AS completed,
        sum(failed) AS failed, sum(cancelled) AS cancelled
    FROM tasks_app_taskcounts
    GROUP BY 1, 2, 3
), found AS (
    SELECT workspace_id, queue_id, type, count(*) AS existing,
        count(*) FILTER (WHERE state = 'COMPLETED') AS completed,
        count(*) FILTER (WHERE state = 'FAILED') AS failed,
        count(*) FILTER (WHERE state = 'CANCELLED') AS cancelled
    FROM tasks_app_task
    GROUP BY 1, 2, 3
), difference AS (
    SELECT workspace_id, queue_id, type,
        coalesce(f.existing, 0) - coalesce(c.existing, 0) AS existing,
        coalesce(f.completed, 0) - coalesce(c.completed, 0) AS completed,
        coalesce(f.failed, 0) - coalesce(c.failed, 0) AS failed,
        coalesce(f.cancelled, 0) - coalesce(c.cancelled, 0) AS cancelled
    FROM found f
    FULL JOIN counted c USING (workspace_id, queue_id, type)
)
INSERT INTO tasks_app_taskcountchange (workspace_id, queue_id, type, existing, completed, failed,
    cancelled)
SELECT workspace_id, queue_id, type, existing, completed, failed, cancelled
FROM difference
WHERE (existing, completed, failed, cancelled) <> (0, 0, 0, 0)
