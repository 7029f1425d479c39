-- ARGV: now, idle before, or -, max_entries, max_bytes, eviction, most removals, and when a lease
-- must have begun to belong to anybody.
-- Returns expired entries and bytes, evicted entries and bytes, 1 if limits are exceeded still, how
-- many the server had dropped before that had expired, and others; and then the keys that were
-- evicted.
redis.call('UNLINK', base)  -- nobody's key: a full server lets go on what has begun with a removal
local removal = removal_module()
open(redis.call('HGET', META, ''))
local now, most = ARGV[1], tonumber(ARGV[6])
local expired, expired_bytes, dropped_expired = removal.drop_expired(now, most)
local left = most - expired - dropped_expired
local evicted, idle_bytes, dropped = {}, 0, 0
if ARGV[2] ~= '-' and left > 0 then
  idle_bytes, dropped = removal.evict_all(
    redis.call('ZRANGE', LRU, '-inf', '(' .. ARGV[2], 'BYSCORE', 'LIMIT', 0, left), evicted
  )
end
local lrfu = has_lrfu() and lrfu_module()  -- as the last write said
local choose = lrfu and lrfu.evict or removal.least_recently_used
local freed, over, unseen = removal.evict(
  limit(ARGV[3]), limit(ARGV[4]), left - #evicted - dropped, choose, evicted, now
)
if lrfu then
  lrfu.save()
end
removal.finish()
if redis.call('EXISTS', LOADS) == 1 then
  leases_module().revoke(function(began)
    return began < tonumber(ARGV[7])
  end)
end
return {
  expired, expired_bytes, #evicted, idle_bytes + freed, over, dropped_expired, dropped + unseen,
  unpack(evicted),
}
