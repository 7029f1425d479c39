-- What decides which entry goes first where that is `lrfu`: the share of the window, how many keys
-- are in each segment, and two numbers that change whenever keys change segments. Nothing if the
-- order of use decides: as ever, or because ranks were lost.
if not has_lrfu() then
  return {}
end
local WINDOW, MAIN, SCORE, STATE = rank_keys()
local state = redis.pcall('HMGET', STATE, 'share', 'clock', 'evictions')
local in_window, in_main = redis.pcall('ZCARD', WINDOW), redis.pcall('ZCARD', MAIN)
for _, found in ipairs({state, in_window, in_main, redis.pcall('HLEN', SCORE)}) do
  if type(found) == 'table' and found.err then
    return {}
  end
end
for i = 1, 3 do
  local number = tonumber(state[i] or nil)
  if not number or not (math.abs(number) < 2^53) then
    return {}
  end
end
if in_window + in_main ~= redis.call('ZCARD', LRU) then
  return {}
end
return {state[1], tostring(in_window), tostring(in_main), state[2], state[3]}
