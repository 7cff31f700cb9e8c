-- Make ready what is due, oldest first, at most %(limit)s rows. (clock_timestamp() is volatile and
-- could not bound the index.)
WITH due AS MATERIALIZED (
    SELECT t.id
    FROM tasks_app_task t
    WHERE t.state IN ('SCHEDULED', 'RETRYING') AND t.run_at <= statement_timestamp()
    ORDER BY t.run_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), promoted AS (
    UPDATE tasks_app_task t
    SET state = 'PENDING'
    FROM due
    WHERE t.id = due.id AND t.state IN ('SCHEDULED', 'RETRYING')
    RETURNING t.queue_id
)
SELECT q.name, count(*) FROM promoted p JOIN tasks_app_queue q ON q.id = p.queue_id GROUP BY q.name
