-- The attempts that ended with these lost nodes, by outcome and by the present state of their tasks.
-- An attempt counts when it ended up to %(slack)s before its node did, or later. %(workspaces)s:
-- whose tasks are counted, or NULL for all.
SELECT n.node_id, a.outcome, t.state, count(*), (array_agg(a.task_id ORDER BY a.task_id))[1:%(most)s]
FROM unnest(%(nodes)s::int[], %(ends)s::timestamptz[]) AS n (node_id, ended_at)
JOIN tasks_app_taskattempt a ON a.node_id = n.node_id AND a.finished_at >= n.ended_at - %(slack)s::interval
LEFT JOIN tasks_app_task t ON t.id = a.task_id
WHERE a.finished_at >= %(since)s AND a.outcome IN ('LOST', 'INTERRUPTED')
  AND (%(workspaces)s::uuid[] IS NULL OR a.workspace_id = ANY(%(workspaces)s))
GROUP BY 1, 2, 3
