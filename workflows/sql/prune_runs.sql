-- Remove ended runs with their steps, oldest first; a run whose run above it still runs is kept. Of
-- the first of them as many as have about so many steps together.
WITH old AS MATERIALIZED (
    SELECT r.id, r.finished_at, r.steps_total
    FROM workflows_workflowrun r
    WHERE r.finished_at < %(before)s AND NOT EXISTS (
        SELECT FROM workflows_workflowrun above
        WHERE above.id = r.parent_run_id AND above.state = 'RUNNING')
    ORDER BY r.finished_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), summed AS (
    SELECT id, sum(steps_total) OVER (ORDER BY finished_at, id) - steps_total AS steps_before
    FROM old
), doomed AS MATERIALIZED (
    SELECT id FROM summed WHERE steps_before < %(steps)s
), steps AS (
    DELETE FROM workflows_runstep s USING doomed WHERE s.run_id = doomed.id
)
DELETE FROM workflows_workflowrun r USING doomed WHERE r.id = doomed.id
