-- Run times of these types by bucket of controlplane/core/runtime/histograms.py, of the roll-ups of %(seconds)s
-- seconds (60 or 3600) since %(since)s.
SELECT r.type, bucket.key::int, sum(bucket.value::bigint)::bigint
FROM tasks_app_rollup r
CROSS JOIN LATERAL jsonb_each_text(r.runs) bucket
WHERE r.seconds = %(seconds)s AND r.at >= %(since)s
    AND r.type = ANY(%(types)s) AND r.queue_id = ANY(%(lanes)s)
GROUP BY 1, 2
