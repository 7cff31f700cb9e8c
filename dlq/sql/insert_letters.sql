-- Letters of deaths, OPEN. A death that has its letter already is left alone.
INSERT INTO dlq_deadletter (id, workspace_id, task_id, attempt, name, type, queue, priority, tags,
    category, fingerprint, error, attempts, attempts_total, payload, terms, workflow_run_id,
    step_key, reprocess_of, worker_version, worker_release, status, discard_reason, resolved_by, died_at,
    created_at)
SELECT id, workspace_id, task_id, attempt, name, type, queue, priority, tags,
    category, fingerprint, error, attempts, attempts_total, payload, task_options,
    workflow_run_id, step_key, reprocess_of, worker_version, worker_release, 'OPEN', '', '',
    died_at, %(now)s
FROM unnest(
    %(id)s::uuid[], %(workspace_id)s::uuid[], %(task_id)s::uuid[], %(attempt)s::int[],
    %(name)s::text[], %(type)s::text[], %(queue)s::text[], %(priority)s::smallint[],
    %(tags)s::jsonb[], %(category)s::text[], %(fingerprint)s::text[], %(error)s::jsonb[],
    %(attempts)s::jsonb[], %(attempts_total)s::int[], %(payload)s::jsonb[], %(task_options)s::jsonb[],
    %(workflow_run_id)s::uuid[], %(step_key)s::text[], %(reprocess_of)s::uuid[],
    %(worker_version)s::text[], %(worker_release)s::text[], %(died_at)s::timestamptz[]
) AS letter (id, workspace_id, task_id, attempt, name, type, queue, priority, tags, category,
    fingerprint, error, attempts, attempts_total, payload, task_options, workflow_run_id,
    step_key, reprocess_of, worker_version, worker_release, died_at)
ON CONFLICT (task_id, attempt, died_at) DO NOTHING
