SELECT count(*) FROM tasks_app_task WHERE queue_id = %(lane)s AND state = 'RUNNING'
