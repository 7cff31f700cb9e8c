-- Steps that wait again, since a retry repeats what they wait for, or them.
UPDATE workflows_runstep s
SET state = 'PENDING',
    waits_for = o.parents,
    task_ids = '{}',
    join_id = NULL,
    child_run_id = NULL,
    wait_until = NULL,
    reason = NULL,
    error = NULL,
    result = NULL,
    result_bytes = 0,
    decided_by = '',
    started_at = NULL,
    finished_at = NULL
FROM unnest(%(keys)s::text[], %(counts)s::int[]) AS o (key, parents)
WHERE s.run_id = %(run)s AND s.key = o.key AND s.state IN ('FAILED', 'CANCELLED', 'SKIPPED')
