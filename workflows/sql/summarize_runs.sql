-- The number of runs of each workflow, counted up to %(limit)s, and the newest run.
SELECT w.id, counted.total, newest.id, newest.state, newest.created_at
FROM unnest(%(ids)s::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT count(*) AS total
    FROM (SELECT 1 FROM workflows_workflowrun r WHERE r.workflow_id = w.id LIMIT %(limit)s) AS bounded
) counted
LEFT JOIN LATERAL (
    SELECT r.id, r.state, r.created_at
    FROM workflows_workflowrun r
    WHERE r.workflow_id = w.id
    ORDER BY r.id DESC
    LIMIT 1
) newest ON true
