-- ARGV: most, and the stamp until which they were used. Evicts those that were used least recently.
-- Returns entries and bytes, how many the server had dropped before, and the keys.
local removal = removal_module()
open(redis.call('HGET', META, ''))
local evicted = {}
local freed, dropped = removal.evict_all(
  redis.call('ZRANGE', LRU, '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[1]), evicted
)
removal.finish()
return {#evicted, freed, dropped, unpack(evicted)}
