-- Write the outcomes of leased rows and their attempts. A row counts only while it is RUNNING
-- under the lease the outcome names: a worker that lost its lease finds nothing to write.
--   state       what the task becomes; a cancel requested before this wins over all but COMPLETED
--   grant       1 when the attempt is given back (snoozed, interrupted, lost): raises the ceiling
--   lost        1 when the attempt took its worker with it
--   run_ms      how long the handler ran; ago_ms: how long ago it ended; wait_ms: from ready to
--               start, null where only the row knows
--   delay_ms    for SCHEDULED and RETRYING: from now
-- A success leaves out what it does not need: reading JSON is the largest part of this statement.
WITH outcome AS MATERIALIZED (
    SELECT o.id, o.lease, coalesce(o.state, 'COMPLETED') AS state,
        coalesce(o.outcome, 'SUCCEEDED') AS outcome, o.result, o.error, o.run_ms, o.ago_ms,
        o.wait_ms, o.delay_ms, coalesce(o."grant", 0) AS "grant", coalesce(o.lost, 0) AS lost,
        o.progress
    FROM jsonb_to_recordset(%(outcomes)s::jsonb) AS o (
        id uuid, lease uuid, state text, outcome text, result jsonb, error jsonb, run_ms float8,
        ago_ms float8, wait_ms float8, delay_ms float8, "grant" int, lost int, progress float8)
), done AS (
    UPDATE tasks_app_task t
    SET state = CASE WHEN t.cancel_requested_at IS NOT NULL AND o.state <> 'COMPLETED'
            THEN 'CANCELLED' ELSE o.state END,
        lease = NULL,
        node_id = NULL,
        result = CASE WHEN o.state = 'COMPLETED' THEN o.result ELSE t.result END,
        error = CASE WHEN o.state = 'COMPLETED' THEN NULL ELSE coalesce(o.error, t.error) END,
        progress = CASE WHEN o.state = 'COMPLETED' THEN 100 ELSE coalesce(o.progress, t.progress) END,
        max_attempts = t.max_attempts + o."grant",
        lost_count = t.lost_count + o.lost,
        run_at = CASE WHEN o.state IN ('SCHEDULED', 'RETRYING')
            THEN clock_timestamp() + o.delay_ms * interval '1 millisecond' ELSE t.run_at END,
        started_at = clock_timestamp() - (o.run_ms + o.ago_ms) * interval '1 millisecond',
        finished_at = CASE
            WHEN o.state IN ('COMPLETED', 'FAILED', 'CANCELLED') OR t.cancel_requested_at IS NOT NULL
            THEN clock_timestamp() - o.ago_ms * interval '1 millisecond' END
    FROM outcome o
    WHERE t.id = o.id AND t.state = 'RUNNING' AND t.lease = o.lease
    RETURNING t.id, t.workspace_id, t.queue_id, t.type, t.attempt, t.state, t.has_dependents,
        t.started_at, t.created_at, o.error, o.outcome, o.run_ms, o.wait_ms
), recorded AS (
    INSERT INTO tasks_app_taskattempt (task_id, attempt, workspace_id, queue_id, type, node_id,
        outcome, error, wait_ms, started_at, finished_at)
    SELECT d.id, d.attempt, d.workspace_id, d.queue_id, d.type, %(node)s, d.outcome, d.error,
        greatest(0, coalesce(d.wait_ms, extract(epoch FROM d.started_at - d.created_at) * 1000)),
        d.started_at, d.started_at + d.run_ms * interval '1 millisecond'
    FROM done d
), counted AS (
    INSERT INTO tasks_app_taskcountchange (workspace_id, queue_id, type, existing, completed, failed,
        cancelled)
    SELECT d.workspace_id, d.queue_id, d.type, 0, count(*) FILTER (WHERE d.state = 'COMPLETED'),
        count(*) FILTER (WHERE d.state = 'FAILED'), count(*) FILTER (WHERE d.state = 'CANCELLED')
    FROM done d
    WHERE d.state IN ('COMPLETED', 'FAILED', 'CANCELLED')
    GROUP BY 1, 2, 3
)
SELECT d.id, d.state, d.has_dependents FROM done d
