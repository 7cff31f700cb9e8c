-- Hand back leased rows whose handler never started: as they were, no attempt charged.
UPDATE tasks_app_task t
SET state = CASE WHEN t.cancel_requested_at IS NULL THEN 'PENDING' ELSE 'CANCELLED' END,
    finished_at = CASE WHEN t.cancel_requested_at IS NOT NULL THEN clock_timestamp() END,
    lease = NULL, node_id = NULL, attempt = t.attempt - 1, started_at = NULL
FROM unnest(%(ids)s::uuid[], %(leases)s::uuid[]) AS o (id, lease)
WHERE t.id = o.id AND t.state = 'RUNNING' AND t.lease = o.lease
RETURNING t.id, t.state, t.has_dependents
