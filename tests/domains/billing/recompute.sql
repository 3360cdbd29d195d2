-- What every machine should have cost, recomputed from its usage records alone: no function, view or column that the
-- product computes is used. `difference` must be 0 on every row.
--   explained = round half to even ( rate x seconds of use / 3600 ), once for the whole life of the machine
--   posted    = what the ledger moved to revenue because of that machine
WITH used AS (
    SELECT allocation_id, max(rate) AS rate, sum(extract(epoch FROM to_at - from_at)) AS seconds,
           min(from_at) AS first, max(to_at) AS last
    FROM billing.usage_records GROUP BY allocation_id
), exact AS (
    SELECT allocation_id, rate::numeric * seconds AS product, seconds = extract(epoch FROM last - first) AS whole
    FROM used
), explained AS (
    SELECT allocation_id, whole,
           div(product, 3600) + CASE
               WHEN mod(product, 3600) > 1800 THEN 1
               WHEN mod(product, 3600) = 1800 AND mod(div(product, 3600), 2) = 1 THEN 1
               ELSE 0 END AS amount
    FROM exact
), posted AS (
    SELECT t.cause_id AS allocation_id, sum(e.amount) AS amount
    FROM billing.ledger_transactions t
    JOIN billing.ledger_entries e ON e.transaction_id = t.id
    JOIN billing.ledger_accounts a ON a.id = e.account_id AND a.kind = 'revenue'
    GROUP BY t.cause_id
)
SELECT coalesce(x.allocation_id, p.allocation_id) AS allocation_id,
       coalesce(x.amount, 0) AS explained, coalesce(p.amount, 0) AS posted,
       coalesce(x.amount, 0) - coalesce(p.amount, 0) + CASE WHEN x.whole THEN 0 ELSE 1 END AS difference
FROM explained x FULL JOIN posted p USING (allocation_id)
