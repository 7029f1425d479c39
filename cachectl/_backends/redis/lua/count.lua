-- ARGV: client, sequence, seconds to remember it, last hit, when it was counted, number of tables;
-- (suffix, seconds to keep it or '') of each table, of which only the first is kept for ever; (counter,
-- amount) of each that moved. Returns 1, or 0 if this client's batch was added before.
--
-- All is added or nothing: what may be refused is done first, where to do it again changes nothing. A
-- full server lets go on what has begun with a write that takes no room: these figures tell of it.
local seen, tables = base .. 'seen:' .. ARGV[1], tonumber(ARGV[6])
local names, counters = {}, {}
for i = 7, 5 + 2 * tables, 2 do
  names[#names + 1] = base .. ARGV[i]
end
for j = 7 + 2 * tables, #ARGV, 2 do
  counters[#counters + 1] = ARGV[j]
end

-- Returns what a command reads; nil if something of another type was there, which goes.
local function read(command, name, ...)
  local found = redis.pcall(command, name, ...)
  if type(found) ~= 'table' or not found.err then
    return found
  end
  if not string.find(found.err, 'WRONGTYPE', 1, true) then
    return redis.call(command, name, ...)  -- which raises it
  end
  redis.call('UNLINK', name)
end

-- Makes numbers of the counters of a table that are none, as `counters.py` reads them. Returns the
-- first.
local function mended(name, ...)
  local first = 0
  for i, text in ipairs(read('HMGET', name, ...) or {}) do
    local digits = string.match(text or '0', '^0*(%d+)$')
    local amount = digits and #digits <= 18 and digits or '0'
    if text and text ~= amount then
      redis.call('HSET', name, select(i, ...), amount)
    end
    first = i == 1 and tonumber(amount) or first
  end
  return first
end

if (tonumber(read('GET', seen) or -1) or -1) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('EXPIRE', names[2], ARGV[10])
for i, name in ipairs(names) do
  local last_hit = mended(name, 'last_hit_us', unpack(counters))
  if i == 1 and redis.call('EXISTS', name) == 0 then
    redis.call('HSET', name, 'since_us', ARGV[5])
  end
  if tonumber(ARGV[4]) > last_hit then
    redis.call('HSET', name, 'last_hit_us', ARGV[4])
  end
end
redis.call('HINCRBY', names[1], counters[1], 0)
redis.call('SET', seen, ARGV[2], 'EX', ARGV[3])

for i, name in ipairs(names) do
  for j = 7 + 2 * tables, #ARGV, 2 do
    redis.call('HINCRBY', name, ARGV[j], ARGV[j + 1])
  end
  if i > 1 then
    redis.call('EXPIRE', name, ARGV[6 + 2 * i])
  end
end
return 1
