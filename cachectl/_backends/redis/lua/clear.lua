-- ARGV: most removals. Returns entries and bytes removed, and 1 if there may be more.
-- Clearing mends an index that somebody else wrote to: what is left of it names the values.
local removal = removal_module()
redis.call('UNLINK', LOADS)
for _, key in ipairs(removal.foreign()) do
  redis.call('UNLINK', key)
end
open(redis.call('HGET', META, ''))
local most = tonumber(ARGV[1])
local keys = redis.call('ZRANGE', LRU, 0, most - 1)
if #keys == 0 then
  for _, key in ipairs(redis.call('HRANDFIELD', META, most + 1)) do
    keys[#keys + 1] = key ~= '' and key or nil
  end
end
local entries, freed = removal.drop_all(keys)
if #keys < most then
  removal.finish()
elseif is_bound and is_changed then
  redis.call('HSET', META, '', about_all())
end
return {entries, freed, #keys >= most and 1 or 0}
