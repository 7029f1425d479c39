-- ARGV: stamps of the first and the last use, most keys. Returns keys of the window, least recently
-- used first, each with its stamp and its score.
local WINDOW, _, SCORE = rank_keys()
local mark = removal_module().mark
local found =
  redis.call('ZRANGE', WINDOW, ARGV[1], ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
local page = {}
for i = 1, #found, 2 do
  local score = tonumber(string.match(redis.call('HGET', SCORE, mark(found[i])) or '', '[^+]+'))
  page[#page + 1] = found[i]
  page[#page + 1] = found[i + 1]
  page[#page + 1] = string.format('%.17g', score and math.abs(score) < 2^53 and score or 0)
end
return page
