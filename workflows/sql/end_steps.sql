-- Steps that end, whether or not they had started. A step that has ended is left alone.
UPDATE workflows_runstep s
SET state = o.state,
    reason = CASE
        WHEN s.reason->>'code' = 'EVALUATION' THEN o.reason
        ELSE coalesce(o.reason, s.reason)
    END,
    error = o.error,
    result = o.result,
    result_bytes = coalesce(o.result_bytes, 0),
    decided_by = coalesce(o.decided_by, ''),
    finished_at = %(at)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS o (
    key text, state text, reason jsonb, error jsonb, result jsonb, result_bytes int,
    decided_by text)
WHERE s.run_id = %(run)s AND s.key = o.key AND s.state IN ('PENDING', 'RUNNING', 'WAITING')
RETURNING s.key
