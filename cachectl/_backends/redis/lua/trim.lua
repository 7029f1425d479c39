-- ARGV: most, and the stamp until which they were used. Evicts those that were used least recently.
-- Returns entries and bytes, how many the server had dropped before, and the keys.
local removal = removal_module()
open(redis.call('HGET', META, ''))
local evicted, freed, dropped = {}, 0, 0
for _, key in ipairs(redis.call('ZRANGE', LRU, '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[1])) do
  local size = removal.drop(key)
  if size then
    evicted[#evicted + 1], freed = key, freed + size
  else
    dropped = dropped + 1
  end
end
removal.finish()
return {#evicted, freed, dropped, unpack(evicted)}
