-- The audit of a stress test: its tasks behind %(after)s, at most %(limit)s, held against what was
-- planned. One row: the last item, how many there were, and the counts as JSON.
--   lost: missing, or not ended
--   duplicated: succeeded twice, went on after a success, or ran twice at once
--   unmatched: the attempts on record are not 1 to the number that was charged, or a task completed
--     without a success
--   disordered: started before a parent had ended
-- Buckets of times are those of tasks_app/histograms.py.
WITH item AS MATERIALIZED (
    SELECT id, task_id, CASE expected WHEN 'C' THEN 'COMPLETED' WHEN 'F' THEN 'FAILED'
        ELSE 'CANCELLED' END AS planned
    FROM stress_stresstask
    WHERE test_id = %(test)s AND id > %(after)s
    ORDER BY id
    LIMIT %(limit)s
), attempt AS MATERIALIZED (
    SELECT a.task_id, a.attempt, a.outcome, a.wait_ms::float8 AS wait_ms, a.started_at,
        a.finished_at, extract(epoch FROM a.finished_at - a.started_at)::float8 * 1000 AS run_ms,
        lead(a.started_at) OVER (PARTITION BY a.task_id ORDER BY a.attempt) AS next_started_at
    FROM item i
    JOIN tasks_app_taskattempt a ON a.task_id = i.task_id AND a.workspace_id = %(workspace)s
), attempts AS (
    SELECT task_id, count(*) AS n, min(attempt) AS first, max(attempt) AS last,
        min(started_at) AS started_at, bool_or(outcome = 'SUCCEEDED') AS has_success,
        bool_or(next_started_at IS NOT NULL
            AND (outcome = 'SUCCEEDED' OR next_started_at < finished_at)) AS is_duplicated
    FROM attempt
    GROUP BY task_id
), edges AS (
    SELECT d.task_id, count(*) AS n, bool_or(a.started_at IS NOT NULL
        AND (p.finished_at IS NULL OR a.started_at < p.finished_at)) AS is_disordered
    FROM item i
    JOIN tasks_app_taskdependency d ON d.task_id = i.task_id
    LEFT JOIN tasks_app_task p ON p.id = d.depends_on_id
    LEFT JOIN attempts a ON a.task_id = d.task_id
    GROUP BY d.task_id
), checked AS MATERIALIZED (
    SELECT i.id, i.task_id, i.planned, t.state, t.finished_at, coalesce(t.attempt, 0) AS charged,
        t.id IS NULL AS is_missing,
        t.state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED') AS is_unended,
        t.state IN ('COMPLETED', 'FAILED', 'CANCELLED') AND t.state <> i.planned AS is_wrong,
        t.id IS NOT NULL AND coalesce(a.is_duplicated, false) AS is_duplicated,
        t.id IS NOT NULL AND (
            coalesce(a.n, 0) <> t.attempt OR a.first > 1 OR a.last > a.n
            OR t.state = 'COMPLETED' AND NOT coalesce(a.has_success, false)
        ) AS is_unmatched,
        coalesce(e.n, 0) AS edges, coalesce(e.is_disordered, false) AS is_disordered
    FROM item i
    LEFT JOIN tasks_app_task t ON t.id = i.task_id AND t.workspace_id = %(workspace)s
    LEFT JOIN attempts a ON a.task_id = i.task_id
    LEFT JOIN edges e ON e.task_id = i.task_id
)
SELECT max(id), count(*), jsonb_build_object(
    'planned_failed', count(*) FILTER (WHERE planned = 'FAILED'),
    'planned_cancelled', count(*) FILTER (WHERE planned = 'CANCELLED'),
    'missing', count(*) FILTER (WHERE is_missing),
    'unended', count(*) FILTER (WHERE is_unended),
    'completed', count(*) FILTER (WHERE state = 'COMPLETED'),
    'failed', count(*) FILTER (WHERE state = 'FAILED'),
    'cancelled', count(*) FILTER (WHERE state = 'CANCELLED'),
    'wrongly_completed', count(*) FILTER (WHERE is_wrong AND state = 'COMPLETED'),
    'wrongly_failed', count(*) FILTER (WHERE is_wrong AND state = 'FAILED'),
    'wrongly_cancelled', count(*) FILTER (WHERE is_wrong AND state = 'CANCELLED'),
    'duplicated', count(*) FILTER (WHERE is_duplicated),
    'unmatched', count(*) FILTER (WHERE is_unmatched),
    'disordered', count(*) FILTER (WHERE is_disordered),
    'charged', coalesce(sum(charged), 0),
    'attempts', (SELECT count(*) FROM attempt),
    'edges', coalesce(sum(edges), 0),
    'longest_wait', (SELECT coalesce(max(wait_ms), 0) FROM attempt),
    'longest_run', (SELECT coalesce(max(run_ms), 0) FROM attempt),
    'last_end', extract(epoch FROM max(finished_at))::float8,
    'outcomes', (SELECT coalesce(jsonb_object_agg(outcome, n), '{}')
        FROM (SELECT outcome, count(*) AS n FROM attempt GROUP BY 1) o),
    'waits', (SELECT coalesce(jsonb_object_agg(bucket, n), '{}') FROM (
        SELECT greatest(-48, least(240, ceil(ln(greatest(wait_ms, 0.0001)) / ln(1.1))))::int
            AS bucket, count(*) AS n
        FROM attempt GROUP BY 1) w),
    'runs', (SELECT coalesce(jsonb_object_agg(bucket, n), '{}') FROM (
        SELECT greatest(-48, least(240, ceil(ln(greatest(run_ms, 0.0001)) / ln(1.1))))::int
            AS bucket, count(*) AS n
        FROM attempt GROUP BY 1) r),
    'examples', jsonb_build_object(
        'lost', (array_agg(task_id ORDER BY id) FILTER (WHERE is_missing OR is_unended))[:5],
        'duplicated', (array_agg(task_id ORDER BY id) FILTER (WHERE is_duplicated))[:5],
        'attempts', (array_agg(task_id ORDER BY id) FILTER (WHERE is_unmatched))[:5],
        'order', (array_agg(task_id ORDER BY id) FILTER (WHERE is_disordered))[:5],
        'failures', (array_agg(task_id ORDER BY id)
            FILTER (WHERE is_wrong AND state <> 'CANCELLED'))[:5],
        'cancellations', (array_agg(task_id ORDER BY id)
            FILTER (WHERE is_wrong AND state = 'CANCELLED'))[:5]
    )
)
FROM checked
