-- ARGV: now, idle before, or -, max_entries, max_bytes. Returns 1 if a cleanup may find anything to do,
-- else 0: then nothing is due or too much, and the index is whole and names what is there, as far as a
-- look at some entries tells.
local SAMPLE = 10
local idle = ARGV[2] ~= '-' and redis.call('ZCOUNT', LRU, '-inf', '(' .. ARGV[2]) or 0
if idle > 0 or redis.call('EXISTS', LOADS) == 1 or redis.call('ZCOUNT', EXP, '-inf', ARGV[1]) > 0 then
  return 1
end
open(redis.call('HGET', META, ''))
if redis.call('ZCARD', LRU) > limit(ARGV[3]) or bytes > limit(ARGV[4]) then
  return 1
end
if not removal_module().is_whole() then
  return redis.call('EXISTS', GEN, LRU, META, TAG) > 0 and 1 or 0
end
local some = redis.call('ZRANDMEMBER', LRU, SAMPLE)
for i, key in ipairs(some) do
  some[i] = VALUES .. key
end
return redis.call('EXISTS', unpack(some)) < #some and 1 or 0
