INSERT INTO operations_operationitem
    (operation_id, workspace_id, ordinal, target_id, outcome, detail, before)
SELECT %(operation)s, %(workspace)s, %(done)s + number, key, '', '', ''
FROM unnest(%(keys)s::text[]) WITH ORDINALITY AS listed (key, number)
ORDER BY number
