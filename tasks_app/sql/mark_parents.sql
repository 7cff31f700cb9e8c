-- Tell unfinished parents that somebody waits for them. The row lock orders this against their
-- completion: either the completion sees the flag, or we see the final state. Locked in id order.
WITH parent AS MATERIALIZED (
    SELECT t.id, t.state
    FROM tasks_app_task t
    WHERE t.id = ANY(%(parents)s) AND t.workspace_id = %(workspace)s
    ORDER BY t.id
    FOR NO KEY UPDATE
), marked AS (
    UPDATE tasks_app_task t SET has_dependents = true
    FROM parent
    WHERE t.id = parent.id AND NOT t.has_dependents
)
SELECT id, state FROM parent
