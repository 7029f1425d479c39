-- ARGV: "now max_entries max_bytes condition most touches", where most is of evictions;
--       (stamp, key) of each touch; (key, data, "size stamp expires px tags") of each item.
-- Times and stamps are microseconds, px milliseconds; - is no limit, condition or TTL. Without
-- data the value has been set already. Numbers are joined because each argument costs a client
-- more than a match costs here; and so is the reply:
-- "stored expired evicted over first", where over is 1 if limits are exceeded still, and first is
-- 1 if nothing was here before.
local now, max_entries, max_bytes, condition, most, touches =
  string.match(ARGV[1], '(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
local max_size = limit(max_bytes)
local first_item = 2 + 2 * touches
local stored, outdated, evicted, grown = 0, 0, 0, 0
local newest

local function permitted(key, stale)
  if condition == '-' then
    return true
  end
  local present = not stale and redis.call('EXISTS', base .. 'e:' .. key) == 1
  return present == (condition == 'present')
end

-- Clocks differ and are set back: what is written now is the newest nevertheless, or the limits
-- would drop it at once. A score that cannot be a stamp of ours counts for nothing.
local function latest(stamp)
  if not newest then
    newest = tonumber(redis.call('ZRANGE', LRU, -1, -1, 'WITHSCORES')[2] or 0)
    newest = newest < 2^53 - 1 and newest or 0
  end
  newest = math.max(tonumber(stamp), newest + 1)
  return string.format('%.0f', newest)
end

local function index(key, size, stamp, expires, tags)
  redis.call('ZADD', LRU, 'GT', latest(stamp), key)
  redis.call('HSET', SIZE, key, size)
  if expires ~= '-' then
    redis.call('ZADD', EXP, expires, key)
  end
  if tags ~= '' then
    redis.call('HSET', TAGS, key, tags)
    for tag in string.gmatch(tags, '%Z+') do
      redis.call('ZADD', TAG, 0, tag .. '\0' .. key)
    end
  end
end

local function set(key, data, px)
  if data == '' then
    return
  elseif px == '-' then
    redis.call('SET', base .. 'e:' .. key, data)
  else
    redis.call('SET', base .. 'e:' .. key, data, 'PX', px)
  end
end

local function write(key, data, about)
  local size, stamp, expires, px, tags = string.match(about, '(%S+) (%S+) (%S+) (%S+) (.*)')
  local old = redis.call('HGET', SIZE, key)
  local due = old and redis.call('ZSCORE', EXP, key)
  local stale = due and tonumber(due) <= tonumber(now)
  if not permitted(key, stale) then
    return
  end
  stored = stored + 1
  outdated = outdated + (stale and 1 or 0)
  if tonumber(size) > max_size then
    drop(key)
    evicted = evicted + 1
    return
  end
  set(key, data, px)
  if old then
    untag(key)
    if due and expires == '-' then
      redis.call('ZREM', EXP, key)
    end
  end
  index(key, size, stamp, expires, tags)
  grown = grown + size - size_from(old)
end

if first_item > 2 then
  redis.call('ZADD', LRU, 'XX', 'GT', unpack(ARGV, 2, first_item - 1))
end
for i = first_item, #ARGV, 3 do
  write(ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
local first = grown > 0 and total() == 0 and 1 or 0
if grown ~= 0 then
  grow(grown)
end
outdated = outdated + drop_all(expired(now, 10 + (#ARGV - first_item + 1) / 3))
local dropped, _, over = evict(limit(max_entries), max_size, tonumber(most))
settle()
return string.format('%d %d %d %d %d', stored, outdated, evicted + dropped, over, first)
