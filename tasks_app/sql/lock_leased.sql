-- Lock leased rows as a claim would return them.
SELECT t.id, t.lease, t.queue_id, t.workspace_id, t.type, t.name, t.payload::text, t.attempt,
    t.max_attempts, t.round_attempts, t.lost_count, t.timeout_ms, t.retry::text, t.priority,
    t.idempotency_key, 0::float8 AS wait_ms
FROM tasks_app_task t
JOIN unnest(%(ids)s::uuid[], %(leases)s::uuid[]) AS o (id, lease) ON o.id = t.id
WHERE t.state = 'RUNNING' AND t.lease = o.lease
ORDER BY t.id
FOR UPDATE OF t
