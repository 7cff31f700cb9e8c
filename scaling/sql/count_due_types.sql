-- The types of the tasks of these lanes that wait for a time up to %(until)s; reads the earliest
-- %(most)s.
SELECT due.type, count(*)
FROM (
    SELECT t.queue_id, t.type
    FROM tasks_app_task t
    WHERE t.state IN ('SCHEDULED', 'RETRYING') AND t.run_at <= %(until)s
    ORDER BY t.run_at
    LIMIT %(most)s
) due
WHERE due.queue_id = ANY(%(lanes)s)
GROUP BY 1
