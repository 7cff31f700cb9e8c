-- Claim up to %(want)s ready rows of one lane whose limits the caller has already spent: it holds
-- the lane's row lock, taken in an earlier statement, so that this one sees all earlier claims.
WITH picked AS MATERIALIZED (
    SELECT t.id
    FROM tasks_app_task t
    WHERE t.queue_id = %(lane)s AND t.state = 'PENDING'
    ORDER BY t.priority DESC, t.id
    LIMIT %(want)s
    FOR UPDATE SKIP LOCKED
)
UPDATE tasks_app_task t
SET state = 'RUNNING', lease = %(lease)s, node_id = %(node)s, attempt = t.attempt + 1,
    started_at = clock_timestamp(), progress = 0
-- An array, not a join: the planner would not know how few they are.
WHERE t.id = ANY (ARRAY (SELECT picked.id FROM picked)) AND t.state = 'PENDING'
RETURNING t.id, t.lease, t.queue_id, t.workspace_id, t.type, t.name, t.payload::text, t.attempt,
    t.max_attempts, t.round_attempts, t.lost_count, t.timeout_ms, t.retry::text, t.priority, t.idempotency_key,
    greatest(0, extract(epoch FROM t.started_at - coalesce(t.run_at, t.created_at)) * 1000)::float8
        AS wait_ms
