-- Steps that begin to run or to wait. From an ended state only a retry starts them again; one that
-- waits, only a worker to which its expressions were left.
UPDATE workflows_runstep s
SET state = o.state,
    task_ids = coalesce(o.task_ids, '{}'),
    join_id = o.join_id,
    child_run_id = o.child_run_id,
    wait_until = o.wait_until,
    reason = o.reason,
    error = NULL,
    result = NULL,
    result_bytes = 0,
    decided_by = '',
    started_at = %(at)s,
    finished_at = NULL
FROM jsonb_to_recordset(%(rows)s::jsonb) AS o (
    key text, state text, task_ids uuid[], join_id uuid, child_run_id uuid,
    wait_until timestamptz, reason jsonb)
WHERE s.run_id = %(run)s AND s.key = o.key
    AND (s.state IN ('PENDING', 'FAILED', 'CANCELLED')
        OR (s.state = 'WAITING' AND s.reason->>'code' = 'EVALUATION'))
