-- Ended tasks with all that a record of their end takes over.
SELECT t.id, t.workspace_id, t.attempt, t.name, t.type, q.name, t.priority, t.tags, t.error::text,
    t.payload::text, t.workflow_run_id, t.step_key, t.reprocess_of, t.finished_at,
    t.round_attempts, t.timeout_ms, t.retry::text, t.on_parent_failure
FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS dead (id, place)
JOIN tasks_app_task t ON t.id = dead.id
JOIN tasks_app_queue q ON q.id = t.queue_id
WHERE t.finished_at IS NOT NULL
ORDER BY dead.place
