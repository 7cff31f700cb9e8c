-- A line in the log of each unfinished task of the next part of the table, in the order of ids.
WITH part AS MATERIALIZED (
    SELECT id, workspace_id, queue_id, attempt, state
    FROM tasks_app_task
    WHERE id > %(after)s
    ORDER BY id
    LIMIT %(limit)s
), noted AS (
    INSERT INTO tasks_app_tasklog (task_id, attempt, at, level, message, fields)
    SELECT id, attempt, clock_timestamp(), 'WARNING', %(message)s, '{}'
    FROM part
    WHERE state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')
)
SELECT p.workspace_id, q.name, count(*) FILTER (
        WHERE state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')),
    (SELECT id FROM part ORDER BY id DESC LIMIT 1)
FROM part p JOIN tasks_app_queue q ON q.id = p.queue_id
GROUP BY 1, 2
