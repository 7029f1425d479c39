-- ARGV: now, idle before, or -, max_entries, max_bytes, most removals.
-- Returns expired entries and bytes, evicted entries and bytes, 1 if limits are exceeded still.
local most = tonumber(ARGV[5])
local outdated, outdated_bytes = drop_all(expired(ARGV[1], most))
local idle, idle_bytes = 0, 0
if ARGV[2] ~= '-' and outdated < most then
  idle, idle_bytes = drop_all(redis.call(
    'ZRANGE', LRU, '-inf', '(' .. ARGV[2], 'BYSCORE', 'LIMIT', 0, most - outdated
  ))
end
local evicted, evicted_bytes, over = evict(limit(ARGV[3]), limit(ARGV[4]), most - outdated - idle)
settle()
return {outdated, outdated_bytes, idle + evicted, idle_bytes + evicted_bytes, over}
