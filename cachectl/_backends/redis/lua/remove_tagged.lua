-- ARGV: tag, most removals. Returns entries and bytes removed, and 1 if there may be more.
local removal = removal_module()
if redis.call('EXISTS', LOADS) == 1 then
  local tag = '\n' .. ARGV[1] .. '\n'
  leases_module().revoke(function(_, tags)
    return string.find(tags, tag, 1, true)
  end)
end
local from, before = '[' .. ARGV[1] .. '\0', '(' .. ARGV[1] .. '\1'
local members = redis.call('ZRANGE', TAG, from, before, 'BYLEX', 'LIMIT', 0, ARGV[2])
local keys = {}
for i, member in ipairs(members) do
  keys[i] = string.sub(member, #ARGV[1] + 2)
  redis.call('ZREM', TAG, member)
end
local entries, bytes = removal.drop_all(keys)
removal.drop_empty_index()
return {entries, bytes, #keys == tonumber(ARGV[2]) and 1 or 0}
