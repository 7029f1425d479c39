-- ARGV: keys. Returns entries and bytes removed, and of a single key that expires when it does.
local removal = removal_module()
redis.call('HDEL', LOADS, unpack(ARGV))
open(redis.call('HGET', META, ''))
local due = #ARGV == 1 and redis.call('ZSCORE', EXP, ARGV[1])
local entries, freed = removal.drop_all(ARGV)
removal.finish()
return {entries, freed, due and tonumber(due) or nil}
