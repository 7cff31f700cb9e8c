-- Several tasks as one JSON array of rows, and their part in the counts of the tasks that exist.
WITH new AS (
    INSERT INTO tasks_app_task (id, workspace_id, queue_id, type, name, state, priority, payload,
        max_attempts, round_attempts, retry, timeout_ms, run_at, blocked_by, on_parent_failure,
        tags, workflow_run_id, step_key, idempotency_key, created_at, finished_at, error,
        has_dependents, reprocess_of, submitted_by, attempt, lost_count, progress)
    SELECT id, workspace_id, queue_id, type, name, state, priority, payload, max_attempts,
        round_attempts, retry, timeout_ms, run_at, blocked_by, on_parent_failure, tags,
        workflow_run_id, step_key, idempotency_key, created_at, finished_at, error,
        has_dependents, reprocess_of, submitted_by, 0, 0, 0
    FROM json_populate_recordset(NULL::tasks_app_task, %s)
    RETURNING workspace_id, queue_id, type, state
)
INSERT INTO tasks_app_taskcountchange (workspace_id, queue_id, type, existing, completed, failed,
    cancelled)
SELECT workspace_id, queue_id, type, count(*), count(*) FILTER (WHERE state = 'COMPLETED'),
    count(*) FILTER (WHERE state = 'FAILED'), count(*) FILTER (WHERE state = 'CANCELLED')
FROM new GROUP BY workspace_id, queue_id, type
