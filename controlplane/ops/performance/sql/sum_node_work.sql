-- What the nodes did from %(from)s up to %(until)s, by their samples: the %(most)s that ended most
-- tasks. The names are looked up last: samples are many, and adding them up by name takes twice as long.
SELECT work.node_id, n.name, work.ended, work.failed, work.running, work.cpu_percent,
    work.memory_bytes
FROM (
    SELECT node_id, max(processed) - min(processed) AS ended, max(failed) - min(failed) AS failed,
        avg(running)::float8 AS running, avg(cpu_percent)::float8 AS cpu_percent,
        max(memory_bytes) AS memory_bytes
    FROM workers_nodesample
    WHERE at >= %(from)s AND at < %(until)s
    GROUP BY node_id
    ORDER BY ended DESC, node_id
    LIMIT %(most)s
) work
JOIN workers_node n ON n.id = work.node_id
ORDER BY work.ended DESC, work.node_id
