-- Thin out the old samples of one grain, at most `limit`: keep the first of each node and span, which
-- then represents that span, and remove the others. A span that an earlier batch has
-- cut in two has its sample already.
WITH old AS (
    SELECT id, node_id, at, date_bin(make_interval(secs => %(grain)s), at, 'epoch') AS span
    FROM workers_nodesample
    WHERE grain_seconds = %(finer)s AND at < %(before)s
    ORDER BY at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
kept AS (
    SELECT DISTINCT ON (node_id, span) id
    FROM old
    WHERE NOT EXISTS (
        SELECT FROM workers_nodesample standing
        WHERE standing.node_id = old.node_id
          AND standing.at >= old.span
          AND standing.at < old.span + make_interval(secs => %(grain)s)
          AND standing.grain_seconds = %(grain)s
    )
    ORDER BY node_id, span, at
),
promoted AS (
    UPDATE workers_nodesample SET grain_seconds = %(grain)s WHERE id IN (SELECT id FROM kept)
)
DELETE FROM workers_nodesample
WHERE id IN (SELECT id FROM old EXCEPT SELECT id FROM kept)
