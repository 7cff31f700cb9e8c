-- Tasks of these lanes that wait for a time up to %(until)s, by steps of %(step)s seconds from
-- %(at)s on, which also holds what is due already. At most %(most)s are looked at, the earliest.
SELECT greatest(0, floor(extract(epoch FROM due.run_at - %(at)s) / %(step)s))::int, count(*)
FROM (
    SELECT t.queue_id, t.run_at
    FROM tasks_app_task t
    WHERE t.state IN ('SCHEDULED', 'RETRYING') AND t.run_at <= %(until)s
    ORDER BY t.run_at
    LIMIT %(most)s
) due
WHERE due.queue_id = ANY(%(lanes)s)
GROUP BY 1
ORDER BY 1
