-- ARGV: keys. Returns entries and bytes removed.
local removal = removal_module()
redis.call('HDEL', LOADS, unpack(ARGV))
local entries, bytes = removal.drop_all(ARGV)
removal.drop_empty_index()
return {entries, bytes}
