-- The schedules of a workspace that are not paused and whose newest %(least)s firings with an end
-- all failed, with their newest ten, the newest first: whether each completed, and its time. The newest
-- %(looked_at)s firings of each schedule are read.
SELECT s.id, s.name, s.task_type, s.next_at, newest.completed, newest.times,
    CASE WHEN row_number() OVER (ORDER BY s.name) <= %(with_error)s THEN newest.error END
FROM schedules_schedule s
CROSS JOIN LATERAL (
    SELECT array_agg(ended.completed ORDER BY ended.scheduled_for DESC, ended.id DESC) AS completed,
        array_agg(ended.scheduled_for ORDER BY ended.scheduled_for DESC, ended.id DESC) AS times,
        (array_agg(ended.error ORDER BY ended.scheduled_for DESC, ended.id DESC))[1] AS error
    FROM (
        SELECT f.id, f.scheduled_for, f.state = 'COMPLETED' AS completed, f.error
        FROM (
            SELECT * FROM schedules_firing
            WHERE schedule_id = s.id ORDER BY scheduled_for DESC, id DESC LIMIT %(looked_at)s
        ) f
        WHERE f.state IN ('COMPLETED', 'FAILED')
        ORDER BY f.scheduled_for DESC, f.id DESC LIMIT 10
    ) ended
) newest
WHERE s.workspace_id = %(workspace)s AND s.paused_at IS NULL AND s.next_at IS NOT NULL
  AND NOT (true = ANY(newest.completed[1:%(least)s]))
  AND cardinality(newest.completed) >= %(least)s
ORDER BY s.name
LIMIT %(most)s
