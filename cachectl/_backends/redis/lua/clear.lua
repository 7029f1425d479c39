-- ARGV: most removals. Returns entries and bytes removed, and 1 if there may be more.
-- Clearing mends an index that somebody else wrote to: what is left of it names the values.
local removal = removal_module()
redis.call('UNLINK', LOADS)
for _, key in ipairs(removal.foreign()) do
  redis.call('UNLINK', key)
end
local most = tonumber(ARGV[1])
local keys = redis.call('ZRANGE', LRU, 0, most - 1)
if #keys == 0 then
  keys = redis.call('HRANDFIELD', META, most)
end
local entries, bytes = removal.drop_all(keys)
if #keys < most then
  removal.drop_empty_index()
end
return {entries, bytes, #keys == most and 1 or 0}
