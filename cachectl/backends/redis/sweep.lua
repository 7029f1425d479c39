-- ARGV: now, idle before, or -, max_entries, max_bytes, eviction, most removals.
-- Returns expired entries and bytes, evicted entries and bytes, 1 if limits are exceeded still.
local removal = removal_module()
local most = tonumber(ARGV[6])
local outdated, outdated_bytes = removal.drop_expired(ARGV[1], most)
local idle, idle_bytes = 0, 0
if ARGV[2] ~= '-' and outdated < most then
  idle, idle_bytes = removal.drop_all(redis.call(
    'ZRANGE', LRU, '-inf', '(' .. ARGV[2], 'BYSCORE', 'LIMIT', 0, most - outdated
  ))
end
local lrfu = ARGV[5] == 'lrfu' and lrfu_module()
local choose = lrfu and lrfu.evict or removal.least_recently_used
local evicted, evicted_bytes, over =
  removal.evict(limit(ARGV[3]), limit(ARGV[4]), most - outdated - idle, choose)
if lrfu then
  lrfu.save()
end
removal.settle()
return {outdated, outdated_bytes, idle + evicted, idle_bytes + evicted_bytes, over}
