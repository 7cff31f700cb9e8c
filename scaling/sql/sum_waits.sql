-- How many attempts of these lanes the minutes since %(since)s hold, and how many of them waited no
-- longer than bucket %(bucket)s of controlplane/core/runtime/histograms.py. At most %(most)s rows are looked at, the
-- newest.
SELECT coalesce(sum(w.value::bigint), 0)::bigint,
    coalesce(sum(w.value::bigint) FILTER (WHERE w.key::int <= %(bucket)s), 0)::bigint
FROM (
    SELECT r.queue_id, r.waits
    FROM tasks_app_rollup r
    WHERE r.seconds = 60 AND r.at >= %(since)s
    ORDER BY r.at DESC
    LIMIT %(most)s
) minute
CROSS JOIN LATERAL jsonb_each_text(minute.waits) w
WHERE minute.queue_id = ANY(%(lanes)s)
