-- The open items of a batch behind %(after)s, at most %(limit)s: those whose task has ended, or is
-- gone, get their outcome. A row for each outcome, '' for what is still open, with the tasks and
-- the last item. {items} is the table of the items, {batch} their column of the batch.
WITH looked AS MATERIALIZED (
    SELECT id, task_id
    FROM {items}
    WHERE {batch} = %(batch)s AND outcome = '' AND id > %(after)s
    ORDER BY id
    LIMIT %(limit)s
), seen AS MATERIALIZED (
    SELECT l.id, l.task_id, CASE WHEN t.id IS NULL THEN 'DELETED'
        WHEN t.state IN ('COMPLETED', 'FAILED', 'CANCELLED') THEN t.state ELSE '' END AS outcome
    FROM looked l
    LEFT JOIN tasks_app_task t ON t.id = l.task_id AND t.workspace_id = %(workspace)s
), written AS (
    UPDATE {items} i
    SET outcome = s.outcome
    FROM seen s
    WHERE i.id = s.id AND s.outcome <> ''
)
SELECT outcome, array_agg(task_id ORDER BY id), max(id)
FROM seen
GROUP BY outcome
