-- `cachectl/lrfu.py` in terms of Redis; it says how and why. A module: `scripts.py` makes it the
-- function `lrfu_module`, behind common.lua, so that calls which do not need it do not run it.
--
-- WINDOW and MAIN hold every key of LRU, in one of them, by the stamp of its last use and by its
-- score. WINDOW_GHOSTS and MAIN_GHOSTS hold marks of evicted keys, by the number of the eviction.
-- SCORE has the scores of marks, in the window and of ghosts; "+" is before one that was
-- credited with a use. Sizes are what the server counts, so that none can be wrong.
local HALF_LIFE, GHOSTS, LEAST_WINDOW = 10, 2, 0.1
local WINDOW, MAIN, SCORE, STATE, WINDOW_GHOSTS, MAIN_GHOSTS = rank_keys()
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

local function size(segment)
  return redis.call('ZCARD', segment)
end

-- How many of so many entries the window should have.
local function room(held)
  return math.max(1, math.floor(share * held))
end

-- The key or mark with the lowest order of a segment, and that order; nil if there is none.
local function first(segment)
  local found = redis.call('ZRANGE', segment, 0, 0, 'WITHSCORES')
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

local function drop_earliest_ghost()
  local ghosts = WINDOW_GHOSTS
  local earliest, number = first(WINDOW_GHOSTS)
  local other, other_number = first(MAIN_GHOSTS)
  if not earliest or other and other_number < number then
    ghosts, earliest = MAIN_GHOSTS, other
  end
  redis.call('ZREM', ghosts, earliest)
  redis.call('HDEL', SCORE, earliest)
end

-- Drops the ghosts that were evicted first, at most so many, while there are too many.
local function shrink_ghosts(most)
  local held = size(WINDOW) + size(MAIN)
  local surplus = size(WINDOW_GHOSTS) + size(MAIN_GHOSTS) - GHOSTS * held
  for _ = 1, math.min(most, surplus) do
    drop_earliest_ghost()
  end
end

local function evict(key, score, segment, ghosts)
  local id = mark(key)
  evictions = evictions + 1
  redis.call('ZREM', segment, key)
  redis.call('ZADD', ghosts, evictions, id)
  redis.call('HSET', SCORE, id, text(score))
  shrink_ghosts(1 + GHOSTS)  -- one more is a ghost, and one less is held
  return key
end

-- If what comes back is in `ghosts`, takes it out; if it was evicted too early, the window grows
-- (`direction` is 1) or shrinks (-1).
local function adapt(id, ghosts, other, direction)
  local number = redis.call('ZSCORE', ghosts, id)
  if not number then
    return
  end
  local held = size(LRU)
  if held > 0 and evictions - number <= held then
    local step = math.max(1, size(other) / size(ghosts)) / held
    share = math.max(LEAST_WINDOW, math.min(1 - 1 / held, share + direction * step))
  end
  redis.call('ZREM', ghosts, id)
end

-- Reads the state, once a call. Where there is none, or the server itself dropped ranks, all are
-- made again: what is held is in the window, a copy of LRU, which one fast command makes.
function lrfu.open()
  if clock then
    return
  end
  local state = redis.call('HMGET', STATE, 'clock', 'share', 'evictions')
  clock, share, evictions = number_from(state[1]), number_from(state[2]), number_from(state[3])
  if not (clock and share and evictions) or size(WINDOW) + size(MAIN) ~= size(LRU) then
    removal.drop_ranks()
    redis.call('COPY', LRU, WINDOW)
    clock, share, evictions = 0, LEAST_WINDOW, 0
  end
  has_ranks = true
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
      adapt(id, WINDOW_GHOSTS, MAIN_GHOSTS, 1)
      adapt(id, MAIN_GHOSTS, WINDOW_GHOSTS, -1)
    end
  else
    score = score_in_window(id)
  end
  redis.call('HSET', SCORE, id, text(score and plus(score, clock) or clock))
end

-- Chooses the entry that must go and returns its key; nil if none is held.
local function choose()
  lrfu.open()
  local lowest, least = first(MAIN)
  if lowest and size(WINDOW) <= room(size(LRU) - 1) then
    return evict(lowest, least, MAIN, MAIN_GHOSTS)
  end
  local oldest = first(WINDOW)
  local score = oldest and score_in_window(mark(oldest))
  if oldest and lowest and score > least then
    promote(oldest)
  elseif oldest then
    return evict(oldest, score, WINDOW, WINDOW_GHOSTS)
  end
  return lowest and evict(lowest, least, MAIN, MAIN_GHOSTS)
end

-- Returns the entry that must go, by itself; nothing if none is held.
function lrfu.evict()
  return {choose()}
end

-- Holds the window and the ghosts to their sizes: one step for each write.
function lrfu.rebalance(writes)
  local held = size(LRU)
  for _ = 1, writes do
    if size(WINDOW) > room(held) then
      promote(first(WINDOW))
    end
    shrink_ghosts(1)
  end
end

return lrfu
