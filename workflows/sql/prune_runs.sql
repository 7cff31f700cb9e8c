-- Remove ended runs with their steps, oldest first; a run whose run above it still runs is kept.
-- A batch ends once its runs have more than %(steps)s steps together.
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
), expired AS MATERIALIZED (
    SELECT id FROM summed WHERE steps_before < %(steps)s
), steps AS (
    DELETE FROM workflows_runstep s USING expired WHERE s.run_id = expired.id
)
DELETE FROM workflows_workflowrun r USING expired WHERE r.id = expired.id
