-- ARGV: keys. Returns entries and bytes removed.
local removal = removal_module()
redis.call('HDEL', LOADS, unpack(ARGV))
open(redis.call('HGET', META, ''))
local entries, freed = removal.drop_all(ARGV)
removal.finish()
return {entries, freed}
