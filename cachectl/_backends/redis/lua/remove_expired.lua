-- ARGV: key, now. Returns entries and bytes removed.
local due = redis.call('ZSCORE', EXP, ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then
  return {0, 0}
end
local removal = removal_module()
local entries, bytes = removal.drop_all({ARGV[1]})
removal.drop_empty_index()
return {entries, bytes}
