-- Tasks that ended as FAILED or CANCELLED in the last %(seconds)s seconds, by queue and type, among
-- the %(most)s newest such tasks of a workspace.
SELECT newest.state, newest.queue_id, newest.type, count(*)
FROM (
    SELECT t.state, t.queue_id, t.type, t.finished_at
    FROM tasks_app_task t
    WHERE t.workspace_id = %(workspace)s AND t.state IN ('FAILED', 'CANCELLED')
    ORDER BY t.id DESC
    LIMIT %(most)s
) newest
WHERE newest.finished_at >= clock_timestamp() - %(seconds)s * interval '1 second'
GROUP BY newest.state, newest.queue_id, newest.type
