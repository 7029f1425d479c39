-- ARGV: client, sequence, seconds to remember it, last hit, when it was counted, number of tables, of
-- counters, of times; suffix of the tables of sketches, seconds to keep them, and how many keys; (suffix,
-- seconds to keep it or '') of each table, of which only the first is kept for ever; (counter, amount)
-- of each that moved; (time, amount) and then (missed key, amount). Returns 1, or 0 if this client's
-- batch was added before.
--
-- All is added or nothing, but for sketches: what may be refused is done first, where to do it again
-- changes nothing. A full server lets go on what has begun with a write that takes no room: these
-- figures tell of it.
local seen, keep, most = base .. 'seen:' .. ARGV[1], ARGV[10], tonumber(ARGV[11])
local last_table = 11 + 2 * tonumber(ARGV[6])
local last_counter = last_table + 2 * tonumber(ARGV[7])
local last_time = last_counter + 2 * tonumber(ARGV[8])
local times, missed, begun = base .. 't:' .. ARGV[9], base .. 'm:' .. ARGV[9], base .. 'b:' .. ARGV[9]
local names, counters = {}, {}
for i = 12, last_table, 2 do
  names[#names + 1] = base .. ARGV[i]
end
for j = last_table + 1, last_counter, 2 do
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

-- Returns the number that a text is, as `counters.py` reads it: 0 if there is none.
local function whole(text)
  local digits = string.match(text or '0', '^0*(%d+)$')
  return digits and #digits <= 18 and digits or '0'
end

-- Makes numbers of the counters of a table that are none. Returns the first.
local function mended(name, ...)
  local first = 0
  for i, text in ipairs(read('HMGET', name, ...) or {}) do
    local amount = whole(text)
    if text and text ~= amount then
      redis.call('HSET', name, select(i, ...), amount)
    end
    first = i == 1 and tonumber(amount) or first
  end
  return first
end

-- Adds how often times were in their buckets.
local function add_times()
  local fields, added = {}, {}
  for j = last_counter + 1, last_time, 2 do
    fields[#fields + 1] = ARGV[j]
  end
  local held = read('HMGET', times, unpack(fields)) or {}
  for i, field in ipairs(fields) do
    local amount = tonumber(whole(held[i])) + tonumber(ARGV[last_counter + 2 * i])
    added[2 * i - 1], added[2 * i] = field, string.format('%.0f', amount)
  end
  redis.call('HSET', times, unpack(added))
  redis.call('EXPIRE', times, keep)
end

-- Adds how often keys were missed: Space-Saving, as `MissedKeys` does it. What a key began with is in
-- a table of its own, and there under no key the most that any had that went.
local function add_missed()
  local least = tonumber(whole(read('HGET', begun, '')))
  local held = read('ZCARD', missed) or 0
  for j = last_time + 1, #ARGV, 2 do
    local amount = ARGV[j + 1]
    if least > 0 and not redis.call('ZSCORE', missed, ARGV[j]) then
      redis.call('HSET', begun, ARGV[j], least)
      amount = amount + least
    end
    local count = redis.call('ZINCRBY', missed, amount, ARGV[j])
    if count ~= whole(count) then
      redis.call('ZADD', missed, amount, ARGV[j])
    end
  end
  if held + (#ARGV - last_time) / 2 > most then
    local gone = redis.call('ZRANGE', missed, 0, -most - 1, 'WITHSCORES')
    for i = 1, #gone, 2 do
      least = math.max(least, tonumber(whole(gone[i + 1])))
      redis.call('HDEL', begun, gone[i])
    end
    if #gone > 0 then
      redis.call('HSET', begun, '', least)
      redis.call('ZREMRANGEBYRANK', missed, 0, -most - 1)
    end
  end
  redis.call('EXPIRE', missed, keep)
  redis.call('EXPIRE', begun, keep)
end

if (tonumber(read('GET', seen) or -1) or -1) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('EXPIRE', names[2], ARGV[15])
for i, name in ipairs(names) do
  local last_hit = mended(name, 'last_hit_us', unpack(counters))
  if i == 1 and redis.call('EXISTS', name) == 0 then
    redis.call('HSET', name, 'since_us', ARGV[5])
  end
  if tonumber(ARGV[4]) > last_hit then
    redis.call('HSET', name, 'last_hit_us', ARGV[4])
  end
end
if counters[1] then
  redis.call('HINCRBY', names[1], counters[1], 0)
end
redis.call('SET', seen, ARGV[2], 'EX', ARGV[3])

for i, name in ipairs(names) do
  for j = last_table + 1, last_counter, 2 do
    redis.call('HINCRBY', name, ARGV[j], ARGV[j + 1])
  end
  if i > 1 then
    redis.call('EXPIRE', name, ARGV[11 + 2 * i])
  end
end
if last_time > last_counter then
  add_times()
end
if #ARGV > last_time then
  add_missed()
end
return 1
