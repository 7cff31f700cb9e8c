-- Cancelled tasks without a payload, of all the time of the history: as small as tasks are. Returns on
-- how many pages they are.
WITH made AS (
    INSERT INTO tasks_app_task (id, workspace_id, queue_id, type, name, state, priority, payload,
        attempt, max_attempts, round_attempts, lost_count, timeout_ms, progress, blocked_by,
        has_dependents, on_parent_failure, tags, created_at, finished_at)
    SELECT (lpad(to_hex((extract(epoch FROM created) * 1000)::bigint), 12, '0') || '7'
            || substr(random_hex, 1, 3) || '8' || substr(random_hex, 4, 15))::uuid,
        %(workspace)s, %(queue)s, 'noop', 'noop', 'CANCELLED', 0, '{}', 0, 3, 3, 0, 60000, 0, 0,
        false, 'cancel', '{}', created, created
    FROM (
        SELECT statement_timestamp() - interval '28 days' * (random() * %(ended)s / 2e6)
            - interval '1 minute' AS created, md5(random()::text) AS random_hex
        FROM generate_series(1, %(rows)s)
    ) made
    RETURNING ctid
)
SELECT count(DISTINCT (ctid::text::point)[0]) FROM made
