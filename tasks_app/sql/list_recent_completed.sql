-- The newest completed tasks of a queue, among the %(most)s newest tasks of its workspace. The
-- search ends when it has as many as there are by the counts, unless %(changes)s changes or more are
-- not folded into them.
SELECT newest.id
FROM (
    SELECT t.id, t.queue_id, t.type, t.state
    FROM tasks_app_task t
    WHERE t.workspace_id = %(workspace)s
    ORDER BY t.id DESC
    LIMIT %(most)s
) newest
WHERE newest.queue_id = %(queue)s AND newest.type <> ALL(%(hidden)s) AND newest.state = 'COMPLETED'
ORDER BY newest.id DESC
LIMIT (
    SELECT least(%(limit)s::bigint, CASE WHEN (
        SELECT count(*) FROM (SELECT FROM tasks_app_taskcountchange LIMIT %(changes)s) few
    ) < %(changes)s THEN coalesce(sum(completed), 0) END)
    FROM tasks_app_taskcounts
    WHERE workspace_id = %(workspace)s AND queue_id = %(queue)s AND type <> ALL(%(hidden)s)
)
