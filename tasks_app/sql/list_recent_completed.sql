-- The newest completed tasks of a queue: among the %(few)s tasks of all that ended last, which leaves
-- out everything that waits; if they do not suffice, among the %(most)s newest of its workspace. That
-- search ends when it has as many as there are by the counts, unless %(changes)s changes or more are
-- not folded into them.
WITH bound AS MATERIALIZED (
    SELECT least(%(limit)s::bigint, CASE WHEN (
        SELECT count(*) FROM (SELECT FROM tasks_app_taskcountchange LIMIT %(changes)s) few
    ) < %(changes)s THEN coalesce(sum(completed), 0) END) AS tasks
    FROM tasks_app_taskcounts
    WHERE workspace_id = %(workspace)s AND queue_id = %(queue)s AND type <> ALL(%(hidden)s)
), ended AS MATERIALIZED (
    SELECT last.id
    FROM (
        SELECT t.id, t.workspace_id, t.queue_id, t.type, t.state
        FROM tasks_app_task t
        WHERE t.finished_at IS NOT NULL
        ORDER BY t.finished_at DESC
        LIMIT %(few)s
    ) last
    WHERE last.workspace_id = %(workspace)s AND last.queue_id = %(queue)s
        AND last.type <> ALL(%(hidden)s) AND last.state = 'COMPLETED'
    LIMIT (SELECT tasks FROM bound)
), newest AS (
    SELECT made.id
    FROM (
        SELECT t.id, t.queue_id, t.type, t.state
        FROM tasks_app_task t
        WHERE t.workspace_id = %(workspace)s
        ORDER BY t.id DESC
        LIMIT %(most)s
    ) made
    WHERE made.queue_id = %(queue)s AND made.type <> ALL(%(hidden)s) AND made.state = 'COMPLETED'
    ORDER BY made.id DESC
    LIMIT (SELECT CASE WHEN tasks IS NULL OR tasks > (SELECT count(*) FROM ended) THEN tasks
        ELSE 0 END FROM bound)
)
SELECT id FROM newest
UNION ALL
SELECT id FROM ended WHERE (SELECT count(*) FROM ended) >= (SELECT tasks FROM bound)
ORDER BY id DESC
