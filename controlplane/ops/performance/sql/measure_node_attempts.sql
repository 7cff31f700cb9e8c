-- Percentiles (50, 95, 99) of the waits and run times of a node's attempts in milliseconds, by steps of
-- %(step)s seconds from %(origin)s, and in all, where the step is null: of those that ended from %(from)s up
-- to %(until)s, but of no more than the newest %(most)s.
SELECT step, count(*)::int, min(finished_at),
    percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY wait_ms::float8),
    percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY run_ms)
FROM (
    SELECT finished_at, wait_ms, extract(epoch FROM finished_at - started_at)::float8 * 1000 AS run_ms,
        date_bin(%(step)s * interval '1 second', finished_at, %(origin)s) AS step
    FROM tasks_app_taskattempt
    WHERE node_id = %(node)s AND finished_at >= %(from)s AND finished_at < %(until)s
    ORDER BY finished_at DESC
    LIMIT %(most)s
) ended
GROUP BY GROUPING SETS ((step), ())
