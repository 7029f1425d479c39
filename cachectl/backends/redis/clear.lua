-- ARGV: most removals. Returns entries and bytes removed, and 1 if there may be more.
local keys = redis.call('ZRANGE', LRU, 0, ARGV[1] - 1)
local entries, bytes = drop_all(keys)
settle()
return {entries, bytes, #keys == tonumber(ARGV[1]) and 1 or 0}
