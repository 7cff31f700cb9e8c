COPY tasks_app_task (id, workspace_id, queue_id, type, name, state, priority, payload,
    max_attempts, round_attempts, retry, timeout_ms, run_at, blocked_by, on_parent_failure, tags,
    workflow_run_id, step_key, idempotency_key, created_at, finished_at, error,
    has_dependents, reprocess_of, submitted_by, attempt, lost_count, progress)
FROM STDIN
