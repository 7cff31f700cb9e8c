"""What the statements that count tasks have in common: one source of the counts, one way to count the rest."""

from django.db import migrations

_FORWARD = """
-- The sum of the rows of a queue and a type is its number of tasks.
CREATE VIEW tasks_app_taskcounts AS
    SELECT workspace_id, queue_id, type, existing, completed, failed, cancelled, false AS is_change
    FROM tasks_app_taskcount
    UNION ALL
    SELECT workspace_id, queue_id, type, existing, completed, failed, cancelled, true
    FROM tasks_app_taskcountchange;

-- The unfinished tasks of a queue by state, from the partial indexes, each counted up to `most`.
-- Rows have to be looked at only if types are hidden: the indexes do not know them. The planner
-- puts the body in place of the call.
CREATE FUNCTION tasks_app_count_unfinished(lane int, most int, hidden text[])
RETURNS TABLE (state text, tasks bigint) LANGUAGE sql STABLE AS $$
    SELECT 'PENDING', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
        WHERE t.queue_id = lane AND t.state = 'PENDING'
            AND (cardinality(hidden) = 0 OR t.type <> ALL(hidden)) LIMIT most) few)
    UNION ALL
    SELECT 'RUNNING', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
        WHERE t.queue_id = lane AND t.state = 'RUNNING'
            AND (cardinality(hidden) = 0 OR t.type <> ALL(hidden)) LIMIT most) few)
    UNION ALL
    SELECT 'SCHEDULED', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
        WHERE t.queue_id = lane AND t.state = 'SCHEDULED'
            AND (cardinality(hidden) = 0 OR t.type <> ALL(hidden)) LIMIT most) few)
    UNION ALL
    SELECT 'RETRYING', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
        WHERE t.queue_id = lane AND t.state = 'RETRYING'
            AND (cardinality(hidden) = 0 OR t.type <> ALL(hidden)) LIMIT most) few)
    UNION ALL
    SELECT 'BLOCKED', (SELECT count(*) FROM (SELECT FROM tasks_app_task t
        WHERE t.queue_id = lane AND t.state = 'BLOCKED'
            AND (cardinality(hidden) = 0 OR t.type <> ALL(hidden)) LIMIT most) few)
$$;
"""
_BACKWARD = """
DROP FUNCTION tasks_app_count_unfinished(int, int, text[]);
DROP VIEW tasks_app_taskcounts;
"""


class Migration(migrations.Migration):
    dependencies = [("tasks_app", "0008_failed_index")]
    operations = [migrations.RunSQL(_FORWARD, _BACKWARD)]
