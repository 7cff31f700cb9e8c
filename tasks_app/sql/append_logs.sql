-- Keep log lines of rows that their writer still holds.
INSERT INTO tasks_app_tasklog (task_id, attempt, at, level, message, fields)
SELECT o.id, o.attempt, o.at, o.level, o.message, o.fields
FROM jsonb_to_recordset(%(lines)s::jsonb) AS o (
    id uuid, lease uuid, attempt int, line int, at timestamptz, level text, message text,
    fields jsonb)
JOIN tasks_app_task t ON t.id = o.id AND t.state = 'RUNNING' AND t.lease = o.lease
ORDER BY o.line
