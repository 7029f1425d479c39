-- Put in front of every script. KEYS[1] is the namespace's base, "<prefix>:{<namespace>}:", and
-- every key is made of it: all of a namespace is in one hash slot. What only some calls need is
-- a function or a module (`scripts.py`): a name that is made costs as much as a command.
--
-- LRU has each key by the stamp of its last use, EXP those that expire by when they do. META has
-- of each key its stored bytes, and its tags, each behind a NUL. TAG has "<tag> NUL <key>". LOADS
-- has the leases of keys that are being loaded.
local base = KEYS[1]
local LRU, EXP, META, SUM = base .. 'lru', base .. 'exp', base .. 'meta', base .. 'sum'
local TAG, LOADS = base .. 'tag', base .. 'loads'

-- The keys of the eviction index of `lrfu`; `lrfu.lua` says what is in them.
local function rank_keys()
  return base .. 'window', base .. 'main', base .. 'score', base .. 'state',
    base .. 'window-ghosts', base .. 'main-ghosts'
end

-- A count of bytes; what cannot be one, because somebody else wrote it, is 0.
local function size_from(text)
  local size = tonumber(text or 0)
  return size and size >= 0 and size < 2^53 and size or 0
end

-- The stored bytes that META tells of an entry.
local function size_in(meta)
  return meta and size_from(tonumber(meta) or string.match(meta, '^%Z*')) or 0
end

local function untag(key, meta)
  for tag in string.gmatch(meta, '%z(%Z+)') do
    redis.call('ZREM', TAG, tag .. '\0' .. key)
  end
end

local function total()
  return size_from(redis.call('HGET', SUM, 'bytes'))
end

-- Adds to the total and returns it. One that cannot be was nothing before.
local function grow(bytes)
  local sum = redis.pcall('HINCRBY', SUM, 'bytes', bytes)
  if type(sum) ~= 'number' or sum < 0 or sum - bytes < 0 or sum >= 2^53 then
    sum = math.max(0, bytes)
    redis.call('HSET', SUM, 'bytes', sum)
  end
  return sum
end

local function limit(text)
  return text == '-' and math.huge or tonumber(text)
end

-- Looked up once a call.
local has_ranks
local function has_lrfu()
  if has_ranks == nil then
    has_ranks = redis.call('EXISTS', base .. 'state') == 1
  end
  return has_ranks
end
