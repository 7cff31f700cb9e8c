-- Submitted tasks of these lanes in each minute of [%(since)s, %(until)s) that has a row, and the
-- number of all rows looked at: at most %(most)s, the newest.
WITH minute AS MATERIALIZED (
    SELECT r.at, r.queue_id, r.submitted
    FROM tasks_app_rollup r
    WHERE r.seconds = 60 AND r.at >= %(since)s AND r.at < %(until)s
    ORDER BY r.at DESC
    LIMIT %(most)s
)
SELECT (extract(epoch FROM m.at) / 60)::int, sum(m.submitted)::bigint,
    (SELECT count(*) FROM minute) >= %(most)s
FROM minute m
WHERE m.queue_id = ANY(%(lanes)s)
GROUP BY m.at
ORDER BY m.at
