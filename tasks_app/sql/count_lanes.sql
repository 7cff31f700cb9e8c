-- What waits and runs in each of these lanes, from the partial indexes. Each count stops at
-- %(most)s, so that a backlog of any size costs a bounded time.
SELECT q.id,
    (SELECT count(*) FROM (
        SELECT FROM tasks_app_task t
        WHERE t.queue_id = q.id AND t.state = 'PENDING' LIMIT %(most)s) few),
    (SELECT count(*) FROM (
        SELECT FROM tasks_app_task t
        WHERE t.queue_id = q.id AND t.state = 'RUNNING' LIMIT %(most)s) few),
    (SELECT count(*) FROM (
        SELECT FROM tasks_app_task t
        WHERE t.queue_id = q.id AND t.state = 'SCHEDULED' LIMIT %(most)s) few),
    (SELECT count(*) FROM (
        SELECT FROM tasks_app_task t
        WHERE t.queue_id = q.id AND t.state = 'RETRYING' LIMIT %(most)s) few),
    (SELECT count(*) FROM (
        SELECT FROM tasks_app_task t
        WHERE t.queue_id = q.id AND t.state = 'BLOCKED' LIMIT %(most)s) few)
FROM tasks_app_queue q
WHERE q.id = ANY(%(lanes)s)
