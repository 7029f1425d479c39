-- ARGV: now, and from when on what expired cannot be gone by itself. Returns how many entries have
-- expired and are there; of those that should be gone, a few are looked for.
local LOOKED_AT = 20
local recent = redis.call('ZCOUNT', EXP, ARGV[2], ARGV[1])
local due = redis.call('ZCOUNT', EXP, '-inf', '(' .. ARGV[2])
local looked, there = math.min(due, LOOKED_AT), 0
for i = 0, looked - 1 do
  local at = math.floor(i * due / looked)
  local key = redis.call('ZRANGE', EXP, at, at)[1]
  there = there + redis.call('EXISTS', VALUES .. key)
end
return recent + (looked > 0 and math.floor(due * there / looked) or 0)
