-- The waits and the run times of the attempts of some tasks, by the buckets of
-- controlplane/core/runtime/histograms.py.
WITH attempt AS (
    SELECT wait_ms::float8 AS wait, extract(epoch FROM finished_at - started_at)::float8 * 1000 AS run
    FROM tasks_app_taskattempt
    WHERE workspace_id = %(workspace)s AND task_id = ANY(%(tasks)s)
)
SELECT kind, greatest(-48, least(240, ceil(ln(greatest(ms, 0.0001)) / ln(1.1))))::int, count(*)
FROM attempt
CROSS JOIN LATERAL (VALUES ('wait', wait), ('run', run)) AS t (kind, ms)
GROUP BY 1, 2
