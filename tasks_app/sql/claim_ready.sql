-- Claim up to %(want)s ready rows of a queue for one node, under one new lease.
-- A lane is one workspace's share of the queue. Lanes take turns (starting after the lane served
-- last), each gets an equal part of the batch, and inside a lane priority decides, then age.
-- MATERIALIZED keeps the LIMIT from being evaluated twice; SKIP LOCKED keeps claimers apart.
WITH lane AS MATERIALIZED (
    SELECT q.id
    FROM tasks_app_queue q
    WHERE q.name = %(queue)s
      AND q.paused_at IS NULL
      AND q.max_running IS NULL
      AND q.rate_per_second IS NULL
      -- Not EXISTS, which the planner turns into a read of the whole backlog; the ORDER BY keeps
      -- it on the index that the claim below reads.
      AND (SELECT true FROM tasks_app_task t WHERE t.queue_id = q.id AND t.state = 'PENDING'
           ORDER BY t.priority DESC, t.id LIMIT 1)
      AND EXISTS (SELECT FROM workers_node n WHERE n.id = %(node)s AND n.state = 'ACTIVE')
    ORDER BY (q.id <= %(after)s), q.id
    LIMIT %(want)s
), picked AS MATERIALIZED (
    SELECT ready.id
    FROM lane
    CROSS JOIN LATERAL (
        SELECT t.id
        FROM tasks_app_task t
        WHERE t.queue_id = lane.id AND t.state = 'PENDING'
        ORDER BY t.priority DESC, t.id
        LIMIT (SELECT ceil(%(want)s::numeric / count(*))::int FROM lane)
        FOR UPDATE SKIP LOCKED
    ) ready
    LIMIT %(want)s
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
