-- One task, and its part in the counts of the tasks that exist.
WITH new AS (
    INSERT INTO tasks_app_task (id, workspace_id, queue_id, type, name, state, priority, payload,
        max_attempts, round_attempts, retry, timeout_ms, run_at, blocked_by, on_parent_failure,
        tags, workflow_run_id, step_key, idempotency_key, created_at, finished_at, error,
        has_dependents, reprocess_of, submitted_by, attempt, lost_count, progress)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
        %s, %s, %s, 0, 0, 0)
    RETURNING workspace_id, queue_id, type, state
)
INSERT INTO tasks_app_taskcountchange (workspace_id, queue_id, type, existing, completed, failed,
    cancelled)
SELECT workspace_id, queue_id, type, 1, (state = 'COMPLETED')::int, (state = 'FAILED')::int,
    (state = 'CANCELLED')::int
FROM new
