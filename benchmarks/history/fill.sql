-- A history as an installation has one: ended tasks with their attempts and the letters of those that
-- failed, tasks that wait in queues that are paused, and some that are past their retention. In the
-- order of time, as it would have been written, and always at the same rate: a smaller history is a
-- shorter one. Two million tasks have ended in 28 days, a million has come to wait in six hours.
--   workspace, node     whose tasks, and which node ran them
--   queues              ids: two in which tasks have ended, then two that are paused, the second of
--                       them with all priorities
--   ended, waiting, expired   how many tasks
CREATE FUNCTION pg_temp.id_at(moment timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7'
        || substr(random_hex, 1, 3) || '8' || substr(random_hex, 4, 15))::uuid
    FROM (SELECT md5(random()::text) AS random_hex) made
$$;

INSERT INTO tasks_app_task (id, workspace_id, queue_id, type, name, state, priority, payload, result,
    error, attempt, max_attempts, round_attempts, lost_count, timeout_ms, progress, blocked_by,
    has_dependents, on_parent_failure, tags, created_at, started_at, finished_at)
SELECT pg_temp.id_at(created), %(workspace)s, (%(queues)s::int[])[1 + kind / 3], types[1 + kind],
    types[1 + kind], state, 0,
    jsonb_build_object('customer', n, 'url', 'https://shop.example/orders/' || n),
    CASE WHEN state = 'COMPLETED' THEN jsonb_build_object('rows', n) END,
    CASE WHEN state = 'FAILED' THEN jsonb_build_object(
        'class', errors[1 + n %% 3], 'message', errors[1 + n %% 3] || ' of order ' || n,
        'traceback', repeat(E'  File "shop.py", line 12, in send\n', 10), 'category', 'UNKNOWN') END,
    attempts, 3, 3, 0, 60000, CASE WHEN state = 'COMPLETED' THEN 100 ELSE 0 END, 0, false, 'cancel',
    CASE WHEN second < 0.1 THEN ARRAY['month-end'] ELSE '{}' END, created,
    CASE WHEN attempts > 0 THEN created + attempts * interval '2 seconds' END,
    created + attempts * interval '2 seconds' + second * second * interval '200 milliseconds'
FROM (
    SELECT n, random() AS second,
        statement_timestamp() - interval '28 days' * ((%(ended)s - n) / 2e6) - interval '1 minute'
            AS created,
        (random() * 5.999)::int %% 6 AS kind,
        ARRAY['noop', 'sleep', 'cpu', 'http-request', 'data-processing', 'file-stats'] AS types,
        ARRAY['TimeoutError', 'ConnectionError', 'ValueError'] AS errors,
        random() AS first
    FROM generate_series(1, %(ended)s) n
) made
CROSS JOIN LATERAL (SELECT CASE WHEN first < 0.96 THEN 'COMPLETED' WHEN first < 0.99 THEN 'FAILED'
    ELSE 'CANCELLED' END AS state) ended
CROSS JOIN LATERAL (SELECT CASE state WHEN 'FAILED' THEN 3 WHEN 'CANCELLED' THEN 0
    ELSE 1 + (second > 0.97)::int END AS attempts) tried;

INSERT INTO tasks_app_task (id, workspace_id, queue_id, type, name, state, priority, payload,
    attempt, max_attempts, round_attempts, lost_count, timeout_ms, progress, blocked_by,
    has_dependents, on_parent_failure, tags, created_at, started_at, finished_at)
SELECT pg_temp.id_at(created), %(workspace)s, (%(queues)s::int[])[1], 'noop', 'noop', 'COMPLETED', 0,
    '{}', 1, 3, 3, 0, 60000, 100, 0, false, 'cancel', '{}', created, created, created
FROM (
    SELECT statement_timestamp() - interval '40 days' + n * interval '10 seconds' AS created
    FROM generate_series(1, %(expired)s) n
) made;

INSERT INTO tasks_app_taskattempt (task_id, attempt, workspace_id, queue_id, type, node_id, outcome,
    error, wait_ms, started_at, finished_at)
SELECT t.id, number, t.workspace_id, t.queue_id, t.type, %(node)s,
    CASE WHEN number = t.attempt AND t.state = 'COMPLETED' THEN 'SUCCEEDED' ELSE 'FAILED' END,
    t.error, 5, t.started_at - (t.attempt - number) * interval '2 seconds',
    t.finished_at - (t.attempt - number) * interval '2 seconds'
FROM tasks_app_task t CROSS JOIN LATERAL generate_series(1, t.attempt) number
ORDER BY t.id;

INSERT INTO dlq_deadletter (id, workspace_id, task_id, attempt, name, type, queue, priority, tags,
    category, fingerprint, error, attempts, attempts_total, payload, terms, status, discard_reason,
    resolved_by, died_at, created_at)
SELECT pg_temp.id_at(t.finished_at), t.workspace_id, t.id, t.attempt, t.name, t.type, q.name, 0, '[]',
    'UNKNOWN', substr(md5((t.error ->> 'class') || t.type), 1, 16), t.error,
    jsonb_build_array(t.error, t.error, t.error), 3, t.payload, '{}', 'OPEN', '', '', t.finished_at,
    t.finished_at
FROM tasks_app_task t JOIN tasks_app_queue q ON q.id = t.queue_id
WHERE t.state = 'FAILED'
ORDER BY t.id;

INSERT INTO tasks_app_task (id, workspace_id, queue_id, type, name, state, priority, payload,
    attempt, max_attempts, round_attempts, lost_count, timeout_ms, progress, blocked_by,
    has_dependents, on_parent_failure, tags, created_at)
SELECT pg_temp.id_at(created), %(workspace)s, (%(queues)s::int[])[3 + n %% 2],
    (ARRAY['noop', 'sleep', 'cpu'])[1 + n %% 3], 'waits', 'PENDING',
    CASE WHEN n %% 2 = 0 THEN 0 ELSE (random() * 200)::int - 100 END,
    jsonb_build_object('customer', n, 'url', 'https://shop.example/orders/' || n),
    0, 3, 3, 0, 60000, 0, 0, false, 'cancel', '{}', created
FROM (
    SELECT n, statement_timestamp() - interval '6 hours' * ((%(waiting)s - n) / 1e6)
        - interval '1 minute' AS created
    FROM generate_series(1, %(waiting)s) n
) made;
