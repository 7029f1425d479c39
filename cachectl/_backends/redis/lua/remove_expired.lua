-- ARGV: key, now. Returns entries and bytes removed.
local due = redis.call('ZSCORE', EXP, ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then
  return {0, 0}
end
local removal = removal_module()
open(redis.call('HGET', META, ''))
local entries, freed = removal.drop_all({ARGV[1]})
removal.finish()
return {entries, freed}
