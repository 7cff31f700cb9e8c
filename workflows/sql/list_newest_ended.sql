-- The number of steps of each workflow's newest version, and its %(limit)s newest ended runs.
SELECT w.id, coalesce(jsonb_array_length(v.definition -> 'tasks'), 0), ARRAY(
    SELECT r.id
    FROM workflows_workflowrun r
    WHERE r.workflow_id = w.id AND r.finished_at IS NOT NULL
    ORDER BY r.id DESC
    LIMIT %(limit)s
)
FROM workflows_workflow w
JOIN workflows_workflowversion v ON v.workflow_id = w.id AND v.version = w.version
WHERE w.id = ANY(%(ids)s) AND w.deleted_at IS NULL
