-- The median and the 95th percentile of waits and run times in milliseconds, by node: of the attempts
-- that ended from %(from)s up to %(until)s, but of no more than the newest %(most)s.
SELECT node_id, count(*)::int, min(finished_at),
    percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY wait_ms::float8),
    percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY run_ms)
FROM (
    SELECT node_id, finished_at, wait_ms, extract(epoch FROM finished_at - started_at)::float8 * 1000 AS run_ms
    FROM tasks_app_taskattempt
    WHERE finished_at >= %(from)s AND finished_at < %(until)s
    ORDER BY finished_at DESC
    LIMIT %(most)s
) ended
GROUP BY node_id
