-- ARGV: tag, most removals. Returns entries and bytes removed, and 1 if there may be more.
local removal = removal_module()
if redis.call('EXISTS', LOADS) == 1 then
  local tag = '\n' .. ARGV[1] .. '\n'
  leases_module().revoke(function(_, tags)
    return string.find(tags, tag, 1, true)
  end)
end
open(redis.call('HGET', META, ''))
local was_whole = removal.is_whole()
local from, before = '[' .. ARGV[1] .. '\0', '(' .. ARGV[1] .. '\1'
local found = redis.call('ZRANGE', TAG, from, before, 'BYLEX', 'LIMIT', 0, ARGV[2])
local keys = {}
for i, member in ipairs(found) do
  keys[i] = string.sub(member, #ARGV[1] + 2)
end
if #found > 0 then
  members = math.max(0, members - redis.call('ZREM', TAG, unpack(found)))
  is_changed = true
end
local entries, freed = removal.drop_all(keys)
if not was_whole then
  is_bound = false
end
removal.finish()
return {entries, freed, #keys == tonumber(ARGV[2]) and 1 or 0}
