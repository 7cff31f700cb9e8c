-- The tasks of a lane that have not ended, by type, from the counts of tasks. %(changes)s: how many
-- changes that are not folded are read. At most %(rows)s types, the largest first.
WITH recent AS MATERIALIZED (
    SELECT * FROM tasks_app_taskcountchange LIMIT %(changes)s
)
SELECT type, sum(existing - completed - failed - cancelled)::bigint AS tasks
FROM (
    SELECT type, existing, completed, failed, cancelled FROM tasks_app_taskcount
    WHERE queue_id = %(lane)s
    UNION ALL
    SELECT type, existing, completed, failed, cancelled FROM recent WHERE queue_id = %(lane)s
) parts
GROUP BY type
HAVING sum(existing - completed - failed - cancelled) > 0
ORDER BY tasks DESC, type
LIMIT %(rows)s
