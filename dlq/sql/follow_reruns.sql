-- The results of the new tasks of the next %(limit)s reprocessed letters whose tasks had not ended:
-- one row for each letter, with an empty outcome while its task has not ended.
WITH portion AS MATERIALIZED (
    SELECT l.id, l.reprocessed_task_id AS task_id
    FROM dlq_deadletter l
    WHERE l.status = 'REPROCESSED' AND l.rerun = '' AND l.id > %(after)s
    ORDER BY l.id LIMIT %(limit)s
)
SELECT p.id, CASE
    WHEN t.state = 'COMPLETED' THEN 'COMPLETED'
    WHEN EXISTS (SELECT FROM dlq_deadletter d WHERE d.task_id = p.task_id AND d.id > p.id)
        THEN 'DIED'
    WHEN t.id IS NULL THEN 'GONE'
    ELSE ''
END
FROM portion p
LEFT JOIN tasks_app_task t ON t.id = p.task_id
ORDER BY p.id
