-- ARGV: tag, most removals. Returns entries and bytes removed, and 1 if there may be more.
local removal = removal_module()
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
