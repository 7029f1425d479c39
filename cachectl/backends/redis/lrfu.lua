-- `cachectl/lrfu.py` in terms of Redis; it says how and why. A module: `scripts.py` makes it the
-- function `lrfu_module`, behind common.lua, so that calls which do not need it do not run it.
--
-- WINDOW and MAIN hold every key of LRU, in one of them, by the stamp of its last use and by its
-- score. LEFT_WINDOW and LEFT_MAIN hold marks of evicted keys, by the number of the eviction.
-- SCORE has the scores of marks, in the window and of what left; "+" is before one that was
-- credited with a use. Sizes are what the server counts, so that none can be wrong.
local HALF_LIFE, HISTORY, LEAST_WINDOW = 10, 2, 0.1
local WINDOW, MAIN, SCORE, STATE, LEFT_WINDOW, LEFT_MAIN = places()
local removal = removal_module()
local mark = removal.mark
local lrfu = {}
local clock, share, evictions

local function number_from(text)
  local number = tonumber(text or nil)
  return number and math.abs(number) < 2^53 and number or nil
end

local function text(number)
  return string.format('%.17g', number)
end

local function plus(one, other)
  local high, low = math.max(one, other), math.min(one, other)
  return high + math.log(1 + 2 ^ (low - high)) / math.log(2)
end

local function size(part)
  return redis.call('ZCARD', part)
end

-- How many of so many entries the window should have.
local function room(held)
  return math.max(1, math.floor(share * held))
end

-- The key or mark with the lowest order of a part, and that order; nil if there is none.
local function first(part)
  local found = redis.call('ZRANGE', part, 0, 0, 'WITHSCORES')
  return found[1], tonumber(found[2])
end

-- The score of a mark and whether it is credited; nil if there is none.
local function score_of(id)
  local found = redis.call('HGET', SCORE, id)
  if found then
    return number_from(string.match(found, '[^+]+')), string.sub(found, 1, 1) == '+'
  end
end

-- What was held before any score was kept was used once then, when the clock was 0.
local function score_in_window(id)
  local score, credited = score_of(id)
  return score or 0, credited or not score
end

local function promote(key)
  local id = mark(key)
  redis.call('ZADD', MAIN, text((score_in_window(id))), key)
  redis.call('ZREM', WINDOW, key)
  redis.call('HDEL', SCORE, id)
end

local function forget_earliest()
  local left = LEFT_WINDOW
  local earliest, number = first(LEFT_WINDOW)
  local other, other_number = first(LEFT_MAIN)
  if not earliest or other and other_number < number then
    left, earliest = LEFT_MAIN, other
  end
  redis.call('ZREM', left, earliest)
  redis.call('HDEL', SCORE, earliest)
end

-- Forgets the earliest evictions, at most so many, while too many are remembered.
local function shrink_history(most)
  local held = size(WINDOW) + size(MAIN)
  local surplus = size(LEFT_WINDOW) + size(LEFT_MAIN) - HISTORY * held
  for _ = 1, math.min(most, surplus) do
    forget_earliest()
  end
end

local function leave(key, score, part, left)
  local id = mark(key)
  evictions = evictions + 1
  redis.call('ZREM', part, key)
  redis.call('ZADD', left, evictions, id)
  redis.call('HSET', SCORE, id, text(score))
  shrink_history(1 + HISTORY)  -- one more is remembered, and one less is held
  return key
end

-- If what comes back is in `left`, takes it out; if it left too early, the window grows
-- (`direction` is 1) or shrinks (-1).
local function learn(id, left, other, direction)
  local number = redis.call('ZSCORE', left, id)
  if not number then
    return
  end
  local held = size(LRU)
  if held > 0 and evictions - number <= held then
    local step = math.max(1, size(other) / size(left)) / held
    share = math.max(LEAST_WINDOW, math.min(1 - 1 / held, share + direction * step))
  end
  redis.call('ZREM', left, id)
end

-- Reads the state, once a call. Where there is none, or the server itself dropped places, all are
-- made anew: what is held is in the window, a copy of LRU, which one fast command makes.
function lrfu.open()
  if clock then
    return
  end
  local state = redis.call('HMGET', STATE, 'clock', 'share', 'evictions')
  clock, share, evictions = number_from(state[1]), number_from(state[2]), number_from(state[3])
  if not (clock and share and evictions) or size(WINDOW) + size(MAIN) ~= size(LRU) then
    removal.displace_all()
    redis.call('COPY', LRU, WINDOW)
    clock, share, evictions = 0, LEAST_WINDOW, 0
  end
  has_places = true
end

function lrfu.save()
  if clock then
    redis.call(
      'HSET', STATE, 'clock', text(clock), 'share', text(share), 'evictions', evictions
    )
  end
end

function lrfu.used(key, stamp)
  local score = redis.call('ZSCORE', MAIN, key)
  if score then
    redis.call('ZADD', MAIN, text(plus(tonumber(score), clock)), key)
  elseif redis.call('ZSCORE', WINDOW, key) then
    redis.call('ZADD', WINDOW, 'GT', stamp, key)
    local id = mark(key)
    local old, credited = score_in_window(id)
    if not credited then
      redis.call('HSET', SCORE, id, '+' .. text(plus(old, clock)))
    end
  end
end

function lrfu.written(key, stamp)
  clock = clock + 1 / (HALF_LIFE * math.max(1, size(LRU)))
  local id = mark(key)
  local score = tonumber(redis.call('ZSCORE', MAIN, key) or nil)
  local new = redis.call('ZADD', WINDOW, stamp, key) == 1
  if score then
    redis.call('ZREM', MAIN, key)
  elseif new then
    score = score_of(id)
    if score then
      learn(id, LEFT_WINDOW, LEFT_MAIN, 1)
      learn(id, LEFT_MAIN, LEFT_WINDOW, -1)
    end
  else
    score = score_in_window(id)
  end
  redis.call('HSET', SCORE, id, text(score and plus(score, clock) or clock))
end

-- Takes the entry that must go out of its place, and returns its key; nil if none is held.
function lrfu.evict()
  lrfu.open()
  local lowest, least = first(MAIN)
  if lowest and size(WINDOW) <= room(size(LRU) - 1) then
    return leave(lowest, least, MAIN, LEFT_MAIN)
  end
  local oldest = first(WINDOW)
  local score = oldest and score_in_window(mark(oldest))
  if oldest and lowest and score > least then
    promote(oldest)
  elseif oldest then
    return leave(oldest, score, WINDOW, LEFT_WINDOW)
  end
  return lowest and leave(lowest, least, MAIN, LEFT_MAIN)
end

-- Holds the window and the history to their sizes: one step for each write.
function lrfu.settle(writes)
  local held = size(LRU)
  for _ = 1, writes do
    if size(WINDOW) > room(held) then
      promote(first(WINDOW))
    end
    shrink_history(1)
  end
end

return lrfu
