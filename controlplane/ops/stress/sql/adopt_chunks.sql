-- Chunks that a dispatcher of the release before has submitted become items: how many tasks, and
-- how many dependencies they have. A task's number stands in its payload; for a task that is gone
-- it is counted from the chunks.
WITH chunk AS (
    DELETE FROM stress_stresschunk WHERE test_id = %(test)s
    RETURNING number, task_ids, fates, edges
), planned AS (
    SELECT t.task_id, substr(c.fates, t.place::int, 1) AS expected,
        row_number() OVER (ORDER BY c.number, t.place) - 1 AS number
    FROM chunk c
    CROSS JOIN LATERAL unnest(c.task_ids) WITH ORDINALITY AS t (task_id, place)
), item AS (
    INSERT INTO stress_stresstask (test_id, task_id, number, expected, stage, outcome)
    SELECT %(test)s, p.task_id, coalesce((t.payload->>'index')::int, p.number), p.expected, 0, ''
    FROM planned p
    LEFT JOIN tasks_app_task t ON t.id = p.task_id
    ORDER BY p.number
    ON CONFLICT (test_id, number) DO NOTHING
    RETURNING id
)
SELECT (SELECT count(*) FROM item), (SELECT coalesce(sum(edges), 0) FROM chunk)
