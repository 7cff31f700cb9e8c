-- What an installation that is in use has beside its tasks. Most rows are copies of one that a
-- service has made, over the last 28 days, in the order of time.
--   workspace           whose they are
--   records             how many of each kind that grows without an end
--   queues              ids of the queues with ended tasks
--   parent              a task that gets children, log lines and more attempts
CREATE FUNCTION pg_temp.id_at(moment timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7'
        || substr(random_hex, 1, 3) || '8' || substr(random_hex, 4, 15))::uuid
    FROM (SELECT md5(random()::text) AS random_hex) made
$$;
CREATE FUNCTION pg_temp.moment(n bigint, total bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT statement_timestamp() - interval '28 days' * (1 - n::float8 / total) - interval '1 minute'
$$;

INSERT INTO workspaces_auditevent (id, workspace_id, actor_kind, actor_id, actor_label, action,
    target_type, target_id, detail, request_id, created_at)
SELECT pg_temp.id_at(at), %(workspace)s, 'user', n %% 40, 'person-' || n %% 40,
    (ARRAY['task.cancel', 'task.retry', 'queue.change', 'letter.discard'])[1 + n %% 4], 'task',
    gen_random_uuid(), '{"reason": "as agreed"}', '', at
FROM (SELECT n, pg_temp.moment(n, %(records)s) AS at FROM generate_series(1, %(records)s) n) made;

INSERT INTO schedules_firing (id, schedule_id, workspace_id, scheduled_for, times, kind, state,
    skip_reason, detail, task_id, celery_id, late_ms, error, triggered_by, decided_at, started_at,
    finished_at)
SELECT pg_temp.id_at(at), s.id, s.workspace_id, at, 1, 'schedule',
    CASE WHEN n %% 50 = 0 THEN 'FAILED' ELSE 'COMPLETED' END, '', '', gen_random_uuid(), '', 120,
    CASE WHEN n %% 50 = 0 THEN '{"class": "TimeoutError", "message": "no answer"}'::jsonb END, '',
    at, at, at + interval '2 seconds'
FROM (SELECT id, workspace_id FROM schedules_schedule WHERE name = 'sync-crm' LIMIT 1) s
CROSS JOIN (
    SELECT n, pg_temp.moment(n, %(records)s) AS at FROM generate_series(1, %(records)s) n
) made;

INSERT INTO scaling_scalingevent (id, pool_id, at, trigger, backend, strategy, rule, "constraint",
    from_workers, recommended_workers, to_workers, sentence, inputs, config_version, term, actor_kind,
    actor_id, actor_label, state, victims, finished_at, outcome, interrupted_tasks)
SELECT pg_temp.id_at(made.at), e.pool_id, made.at, e.trigger, e.backend, e.strategy, e.rule, '', 6, 6, 6 + (n %% 40 = 0)::int,
    'The target stays at 6 workers: nothing waits longer than the objective.', e.inputs, 1, 1,
    'system', '', 'system', CASE WHEN n %% 40 = 0 THEN 'SUCCEEDED' ELSE 'UNCHANGED' END, '[]', made.at, '',
    0
FROM (SELECT * FROM scaling_scalingevent ORDER BY id DESC LIMIT 1) e
CROSS JOIN (
    SELECT n, pg_temp.moment(n, %(records)s) AS at FROM generate_series(1, %(records)s) n
) made;

INSERT INTO tasks_app_idempotencykey (workspace_id, key, body_hash, answer, created_at, expires_at)
SELECT %(workspace)s, 'order-' || n, sha256(n::text::bytea), '{"id": 1}', at, at + interval '30 days'
FROM (SELECT n, pg_temp.moment(n, %(records)s) AS at FROM generate_series(1, %(records)s) n) made;

INSERT INTO django_celery_results_taskresult (task_id, status, content_type, content_encoding, result,
    date_done, date_created, traceback, meta, task_args, task_kwargs, task_name, worker,
    periodic_task_name)
SELECT gen_random_uuid(), CASE WHEN n %% 50 = 0 THEN 'FAILURE' ELSE 'SUCCESS' END, 'application/json',
    'utf-8', '"done"', at, at, NULL, '{"children": []}', '"()"', '"{}"', 'shop.tasks.refresh',
    'celery@shop-1', NULL
FROM (SELECT n, pg_temp.moment(n, %(records)s) AS at FROM generate_series(1, %(records)s) n) made;

-- A tenth as many runs, each with its steps.
CREATE TEMPORARY TABLE copied_run AS
SELECT pg_temp.id_at(at) AS id, at, CASE WHEN n %% 20 = 0 THEN 'FAILED' ELSE 'COMPLETED' END AS state
FROM (
    SELECT n, pg_temp.moment(n, greatest(1, %(records)s / 10)) AS at
    FROM generate_series(1, greatest(1, %(records)s / 10)) n
) made;
INSERT INTO workflows_workflowrun (id, workspace_id, workflow_id, version_id, state, input, error,
    steps_total, steps_ended, depth, started_by, created_at, finished_at)
SELECT c.id, r.workspace_id, r.workflow_id, r.version_id, c.state, r.input,
    CASE WHEN c.state = 'FAILED'
        THEN '{"step": "ship", "class": "TimeoutError", "message": "no answer"}'::jsonb END,
    r.steps_total, r.steps_total, 0, r.started_by, c.at, c.at + interval '3 seconds'
FROM (SELECT r.* FROM workflows_workflowrun r JOIN workflows_workflow w ON w.id = r.workflow_id
      WHERE w.name = 'Order' LIMIT 1) r CROSS JOIN copied_run c;
INSERT INTO workflows_runstep (run_id, key, position, state, waits_for, is_list, task_ids, result,
    result_bytes, error, decided_by, started_at, finished_at)
SELECT c.id, s.key, s.position,
    CASE WHEN c.state = 'FAILED' AND s.key = 'ship' THEN 'FAILED' ELSE 'COMPLETED' END, 0, false, '{}',
    '{"ok": true}', 12, CASE WHEN c.state = 'FAILED' AND s.key = 'ship'
        THEN '{"class": "TimeoutError", "message": "no answer"}'::jsonb END, '', c.at,
    c.at + interval '1 second'
FROM (SELECT r.id FROM workflows_workflowrun r JOIN workflows_workflow w ON w.id = r.workflow_id
      WHERE w.name = 'Order' AND r.state = 'RUNNING' LIMIT 1) r
JOIN workflows_runstep s ON s.run_id = r.id CROSS JOIN copied_run c;

-- A task with many children, log lines and attempts.
INSERT INTO tasks_app_taskdependency (task_id, depends_on_id, is_satisfied)
SELECT id, %(parent)s, true FROM (
    SELECT id FROM tasks_app_task WHERE workspace_id = %(workspace)s AND id > %(parent)s ORDER BY id
    LIMIT least(5000, %(records)s)
) child;
UPDATE tasks_app_task SET has_dependents = true WHERE id = %(parent)s;
INSERT INTO tasks_app_tasklog (task_id, attempt, at, level, message, fields)
SELECT t.id, 1, t.started_at, (ARRAY['info', 'warning'])[1 + n %% 2], 'line ' || n, '{"n": 1}'
FROM (SELECT id, started_at FROM tasks_app_task WHERE id = %(parent)s) t
CROSS JOIN generate_series(1, least(20000, %(records)s)) n;
INSERT INTO tasks_app_taskattempt (task_id, attempt, workspace_id, queue_id, type, node_id, outcome,
    error, wait_ms, started_at, finished_at)
SELECT a.task_id, n, a.workspace_id, a.queue_id, a.type, a.node_id, 'LOST', a.error, 5, a.started_at,
    a.finished_at
FROM tasks_app_taskattempt a CROSS JOIN generate_series(100, 600) n
WHERE a.task_id = %(parent)s AND a.attempt = 1;

-- Workers that have ended, and what was measured of all of them.
INSERT INTO workers_node (incarnation, name, host, pid, version, queues, concurrency, state,
    heartbeat, heartbeat_at, started_at, stopped_at, end_reason, stale_writes, rescued, running,
    processed, failed, slots)
SELECT gen_random_uuid(), 'old-' || n || '#' || n, 'old-' || n %% 20, 11, '4.11.3', '{*}', 16, 'STOPPED',
    1, at, at - interval '1 day', at, 'Drained and stopped.', 0, 0, 0, 1000, 3, '[]'
FROM (
    SELECT n, pg_temp.moment(n, least(2000, %(records)s)) AS at
    FROM generate_series(1, least(2000, %(records)s)) n
) made;
INSERT INTO workers_nodesample (node_id, at, grain_seconds, cpu_percent, memory_bytes, running,
    processed, failed)
SELECT node.id, coalesce(node.stopped_at, statement_timestamp()) - n * interval '2 minutes', 0, 200,
    1500000000, 12, 1000, 0
FROM workers_node node CROSS JOIN generate_series(1, 100) n WHERE node.name LIKE 'old-%%';

-- Figures: minutes of a week and hours of a month, of each type in each queue.
INSERT INTO tasks_app_rollup (workspace_id, seconds, at, queue_id, type, submitted, started, completed,
    failed, failed_tasks, retried, lost, cancelled, run_ms, wait_ms, longest_run_ms, longest_wait_ms,
    runs, waits)
SELECT %(workspace)s, r.seconds, step.at, queue.id, kind.type, r.submitted, r.started, r.completed, r.failed,
    r.failed_tasks, r.retried, r.lost, r.cancelled, r.run_ms, r.wait_ms, r.longest_run_ms,
    r.longest_wait_ms, r.runs, r.waits
FROM (SELECT DISTINCT ON (seconds) * FROM tasks_app_rollup ORDER BY seconds, started DESC) r
JOIN LATERAL generate_series(
    date_trunc('hour', statement_timestamp())
        - CASE r.seconds WHEN 60 THEN interval '7 days' ELSE interval '30 days' END,
    statement_timestamp(), r.seconds * interval '1 second') step(at) ON true
CROSS JOIN unnest(%(queues)s::int[]) queue(id)
CROSS JOIN unnest(ARRAY['noop', 'sleep', 'cpu', 'http-request', 'data-processing', 'file-stats']) kind(type)
ON CONFLICT DO NOTHING;
INSERT INTO tasks_app_minutesample (at, nodes, slots)
SELECT at, 8, 128 FROM generate_series(date_trunc('minute', statement_timestamp()) - interval '7 days',
    statement_timestamp(), interval '1 minute') at ON CONFLICT DO NOTHING;
INSERT INTO tasks_app_queuesample (queue_id, at, waiting, running, oldest_wait_ms)
SELECT queue.id, step.at, 40, 12, 900 FROM generate_series(
    date_trunc('minute', statement_timestamp()) - interval '7 days', statement_timestamp(),
    interval '1 minute') step(at) CROSS JOIN unnest(%(queues)s::int[]) queue(id) ON CONFLICT DO NOTHING;
