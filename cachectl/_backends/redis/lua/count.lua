-- ARGV: client, sequence, seconds to remember it, last hit, number of tables; (suffix, seconds to
-- keep it or '') of each table; (counter, amount) of each that moved.
-- Returns 1, or 0 if this client's batch was added before.
local seen, tables = base .. 'seen:' .. ARGV[1], tonumber(ARGV[5])
if tonumber(redis.call('GET', seen) or -1) >= tonumber(ARGV[2]) then
  return 0
end
for i = 6, 4 + 2 * tables, 2 do
  local name = base .. ARGV[i]
  for j = 6 + 2 * tables, #ARGV, 2 do
    redis.call('HINCRBY', name, ARGV[j], ARGV[j + 1])
  end
  if tonumber(ARGV[4]) > tonumber(redis.call('HGET', name, 'last_hit_us') or 0) then
    redis.call('HSET', name, 'last_hit_us', ARGV[4])
  end
  if ARGV[i + 1] ~= '' then
    redis.call('EXPIRE', name, ARGV[i + 1])
  end
end
redis.call('SET', seen, ARGV[2], 'EX', ARGV[3])
return 1
