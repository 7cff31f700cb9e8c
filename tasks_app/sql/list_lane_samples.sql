-- What waited in these lanes, by steps of %(step)s seconds from %(from)s up to %(until)s. The rows
-- without a lane are the steps of which anything is known.
SELECT s.queue_id, date_bin(%(step)s * interval '1 second', s.at, %(from)s), max(s.waiting),
    max(s.oldest_wait_ms)
FROM tasks_app_queuesample s
WHERE s.queue_id = ANY(%(lanes)s) AND s.at >= %(from)s AND s.at <= %(until)s
GROUP BY 1, 2
UNION ALL
SELECT NULL, date_bin(%(step)s * interval '1 second', m.at, %(from)s), 0, NULL
FROM tasks_app_minutesample m
WHERE m.at >= %(from)s AND m.at <= %(until)s
GROUP BY 2
