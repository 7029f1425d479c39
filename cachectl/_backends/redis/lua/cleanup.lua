-- ARGV: now, idle before, or -, max_entries, max_bytes, eviction, most removals, and when a lease
-- must have begun to belong to anybody.
-- Returns expired entries and bytes, evicted entries and bytes, 1 if limits are exceeded still, and
-- then the keys that were evicted.
local removal = removal_module()
local most = tonumber(ARGV[6])
local expired, expired_bytes = removal.drop_expired(ARGV[1], most)
local evicted, idle_bytes = {}, 0
if ARGV[2] ~= '-' and expired < most then
  evicted = redis.call(
    'ZRANGE', LRU, '-inf', '(' .. ARGV[2], 'BYSCORE', 'LIMIT', 0, most - expired
  )
  local _
  _, idle_bytes = removal.drop_all(evicted)
end
local lrfu = ARGV[5] == 'lrfu' and lrfu_module()
local choose = lrfu and lrfu.evict or removal.least_recently_used
local bytes, over =
  removal.evict(limit(ARGV[3]), limit(ARGV[4]), most - expired - #evicted, choose, evicted)
if lrfu then
  lrfu.save()
end
removal.drop_empty_index()
if redis.call('EXISTS', LOADS) == 1 then
  leases_module().revoke(function(began)
    return began < tonumber(ARGV[7])
  end)
end
return {expired, expired_bytes, #evicted, idle_bytes + bytes, over, unpack(evicted)}
