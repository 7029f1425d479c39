-- ARGV: suffixes of the tables of counters. Returns 1 if the namespace holds nothing and is forgotten,
-- else 0. What remembers the batches of clients stays until it expires: no batch is counted twice.
if redis.call('EXISTS', LRU, META) > 0 then
  return 0
end
removal_module().drop_ranks()
redis.call('UNLINK', GEN, base .. 'lost')
for _, suffix in ipairs(ARGV) do
  redis.call('UNLINK', base .. suffix)
end
return 1
