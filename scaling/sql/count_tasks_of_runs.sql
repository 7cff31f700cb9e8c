-- How many tasks of these lanes each workflow run has, counted up to %(most)s.
SELECT run.id, (
    SELECT count(*) FROM (
        SELECT FROM tasks_app_task t
        WHERE t.workflow_run_id = run.id AND t.queue_id = ANY(%(lanes)s)
        LIMIT %(most)s) few)
FROM unnest(%(runs)s::uuid[]) AS run (id)
