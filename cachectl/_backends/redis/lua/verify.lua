-- ARGV: cursor, how many entries to look at, now. Forgets those whose value the server dropped.
-- Returns the next cursor, 0 for none, how many had expired, and how many others.
local removal = removal_module()
open(redis.call('HGET', META, ''))
local found = redis.call('ZSCAN', LRU, ARGV[1], 'COUNT', ARGV[2])
local keys = {}
for i = 1, #found[2], 2 do
  keys[#keys + 1] = found[2][i]
end
local dropped, expired = removal.forget_dropped(keys, ARGV[3])
removal.finish()
return {tonumber(found[1]), expired, dropped - expired}
