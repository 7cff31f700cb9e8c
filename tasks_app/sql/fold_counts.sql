-- Add up to %(limit)s noted changes to the counts. Safe to run twice at once: each change is taken
-- by one of them, and both lock the counts in the same order.
WITH taken AS (
    DELETE FROM tasks_app_taskcountchange
    WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM tasks_app_taskcountchange LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
    RETURNING workspace_id, queue_id, type, existing, completed, failed, cancelled
), sums AS (
    SELECT workspace_id, queue_id, type, sum(existing) AS existing, sum(completed) AS completed,
        sum(failed) AS failed, sum(cancelled) AS cancelled, count(*) AS changes
    FROM taken GROUP BY 1, 2, 3
), folded AS (
    INSERT INTO tasks_app_taskcount AS c (workspace_id, queue_id, type, existing, completed, failed,
        cancelled)
    SELECT workspace_id, queue_id, type, existing, completed, failed, cancelled
    FROM sums ORDER BY workspace_id, queue_id, type
    ON CONFLICT (workspace_id, queue_id, type) DO UPDATE
    SET existing = c.existing + excluded.existing, completed = c.completed + excluded.completed,
        failed = c.failed + excluded.failed, cancelled = c.cancelled + excluded.cancelled
)
SELECT coalesce(sum(changes), 0)::bigint FROM sums
