-- The samples of a node from %(from)s up to %(until)s by steps of %(step)s seconds: the times and the
-- counters of the first and the last of each step, and the mean and the most of the handlers that
-- ran. The counters of a node only grow.
SELECT date_bin(%(step)s * interval '1 second', at, %(from)s) AS step, min(at), max(at),
    min(processed), max(processed), min(failed), max(failed), avg(running)::float8, max(running)
FROM workers_nodesample
WHERE node_id = %(node)s AND at >= %(from)s AND at < %(until)s
GROUP BY step
ORDER BY step
