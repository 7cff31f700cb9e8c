-- Note how the counts of tasks change, in the transaction of what changes them. Only appended, so
-- that no two transactions wait for the same row; fold_counts.sql adds the changes up.
INSERT INTO tasks_app_taskcountchange (workspace_id, queue_id, type, existing, completed, failed,
    cancelled)
SELECT * FROM unnest(%(workspaces)s::uuid[], %(queues)s::int[], %(types)s::text[],
    %(existing)s::int[], %(completed)s::int[], %(failed)s::int[], %(cancelled)s::int[])
