-- The open items of a batch behind %(after)s, at most %(limit)s: those whose task has ended, or is
-- gone, get their outcome. A row for each outcome, '' for what is still open, with the tasks and
-- the last item. {items} is the table of the items, {batch} their column of the batch.
WITH looked AS MATERIALIZED (
    SELECT id, task_id
    FROM {items}
    WHERE {batch} = %(batch)s AND outcome = '' AND id > %(after)s
    ORDER BY id
    LIMIT %(limit)s
), ended AS MATERIALIZED (
    SELECT l.id, coalesce(t.state, 'DELETED') AS outcome
    FROM looked l
    LEFT JOIN tasks_app_task t ON t.id = l.task_id AND t.workspace_id = %(workspace)s
    WHERE t.id IS NULL OR t.state IN ('COMPLETED', 'FAILED', 'CANCELLED')
), written AS (
    UPDATE {items} i
    SET outcome = e.outcome
    FROM ended e
    WHERE i.id = e.id
)
SELECT coalesce(e.outcome, ''), array_agg(l.task_id ORDER BY l.id), max(l.id)
FROM looked l
LEFT JOIN ended e ON e.id = l.id
GROUP BY 1
