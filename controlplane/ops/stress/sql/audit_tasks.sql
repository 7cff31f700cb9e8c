-- The audit of a stress test: its tasks behind %(after)s, at most %(limit)s, held against what was
-- planned. One row: the last item, how many there were, and the counts as JSON.
--   lost: missing, or not ended
--   duplicated: succeeded twice, went on after a success, or ran twice at once
--   unmatched: the attempts on record are not 1 to the number that was charged, or a task completed
--     without a success
--   disordered: started before a parent had ended
-- Buckets of times are those of controlplane/core/runtime/histograms.py.
WITH item AS MATERIALIZED (
    SELECT id, task_id, CASE expected WHEN 'C' THEN 'COMPLETED' WHEN 'F' THEN 'FAILED'
        ELSE 'CANCELLED' END AS planned
    FROM stress_stresstask
    WHERE test_id = %(test)s AND id > %(after)s
    ORDER BY id
    LIMIT %(limit)s
), attempt AS MATERIALIZED (
    -- OFFSET 0: attempts are found by their task, whatever the planner takes the tables to hold.
    SELECT a.*
    FROM item i
    CROSS JOIN LATERAL (
        SELECT outcome, wait_ms::float8 AS wait_ms,
            extract(epoch FROM finished_at - started_at)::float8 * 1000 AS run_ms
        FROM tasks_app_taskattempt
        WHERE task_id = i.task_id AND workspace_id = %(workspace)s
        OFFSET 0
    ) a
), checked AS MATERIALIZED (
    SELECT i.id, i.task_id, t.state, i.planned, t.finished_at, coalesce(t.attempt, 0) AS charged,
        t.id IS NULL AS is_missing,
        t.state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED') AS is_unended,
        t.state IN ('COMPLETED', 'FAILED', 'CANCELLED') AND t.state <> i.planned AS is_wrong,
        t.id IS NOT NULL AND coalesce(a.is_duplicated, false) AS is_duplicated,
        t.id IS NOT NULL AND (
            a.n <> t.attempt OR a.first > 1 OR a.last > a.n
            OR t.state = 'COMPLETED' AND NOT coalesce(a.has_success, false)
        ) AS is_unmatched,
        e.n AS edges, coalesce(e.is_disordered, false) AS is_disordered
    FROM item i
    LEFT JOIN LATERAL (
        SELECT id, state, attempt, finished_at
        FROM tasks_app_task
        WHERE id = i.task_id AND workspace_id = %(workspace)s
        OFFSET 0
    ) t ON true
    CROSS JOIN LATERAL (
        SELECT count(*) AS n, min(attempt) AS first, max(attempt) AS last,
            min(started_at) AS started_at, bool_or(outcome = 'SUCCEEDED') AS has_success,
            bool_or(next_started_at IS NOT NULL
                AND (outcome = 'SUCCEEDED' OR next_started_at < finished_at)) AS is_duplicated
        FROM (
            SELECT attempt, outcome, started_at, finished_at,
                lead(started_at) OVER (ORDER BY attempt) AS next_started_at
            FROM tasks_app_taskattempt
            WHERE task_id = i.task_id AND workspace_id = %(workspace)s
        ) tries
    ) a
    CROSS JOIN LATERAL (
        SELECT count(*) AS n, bool_or(a.started_at IS NOT NULL
            AND (p.finished_at IS NULL OR a.started_at < p.finished_at)) AS is_disordered
        FROM tasks_app_taskdependency d
        LEFT JOIN tasks_app_task p ON p.id = d.depends_on_id
        WHERE d.task_id = i.task_id
    ) e
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
