-- Put in front of every script. KEYS[1] is the namespace's base, "<prefix>:{<namespace>}:", and
-- every key is made of it: all of a namespace is in one hash slot.
local base = KEYS[1]
local LRU, EXP, SIZE = base .. 'lru', base .. 'exp', base .. 'size'
local TAG, TAGS, SUM = base .. 'tag', base .. 'tags', base .. 'sum'

-- A count of bytes; what cannot be one, because somebody else wrote it, is 0.
local function size_from(text)
  local size = tonumber(text or 0)
  return size and size >= 0 and size < 2^53 and size or 0
end

local function total()
  return size_from(redis.call('HGET', SUM, 'bytes'))
end

local function grow(bytes)
  redis.call('HSET', SUM, 'bytes', string.format('%.0f', math.max(0, total() + bytes)))
end

local function untag(key)
  local tags = redis.call('HGET', TAGS, key)
  if tags then
    for tag in string.gmatch(tags, '%Z+') do
      redis.call('ZREM', TAG, tag .. '\0' .. key)
    end
    redis.call('HDEL', TAGS, key)
  end
end

-- The only way an entry goes. Returns the stored bytes it had, nil if there was none; an entry
-- whose value or part of whose index the server itself dropped is one nevertheless.
local function drop(key)
  local found = redis.call('UNLINK', base .. 'e:' .. key) + redis.call('ZREM', LRU, key)
  local size = size_from(redis.call('HGET', SIZE, key))
  redis.call('ZREM', EXP, key)
  redis.call('HDEL', SIZE, key)
  untag(key)
  if size > 0 then
    grow(-size)
  end
  return found > 0 and size or nil
end

local function drop_all(keys)
  local entries, bytes = 0, 0
  for _, key in ipairs(keys) do
    local size = drop(key)
    if size then
      entries, bytes = entries + 1, bytes + size
    end
  end
  return entries, bytes
end

local function expired(now, most)
  return redis.call('ZRANGE', EXP, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
end

-- An empty namespace leaves no key behind, and no sum that could be wrong.
local function settle()
  if redis.call('EXISTS', LRU) == 0 then
    redis.call('UNLINK', EXP, SIZE, TAG, TAGS, SUM)
  end
end

-- The keys of the index under which somebody else put something of another type.
local function foreign()
  local kinds = {
    [LRU] = 'zset', [EXP] = 'zset', [SIZE] = 'hash', [TAG] = 'zset', [TAGS] = 'hash', [SUM] = 'hash',
  }
  local found = {}
  for key, kind in pairs(kinds) do
    local type = redis.call('TYPE', key).ok
    if type ~= kind and type ~= 'none' then
      found[#found + 1] = key
    end
  end
  return found
end

local function limit(text)
  return text == '-' and math.huge or tonumber(text)
end

-- Drops the least recently used while a limit is exceeded, at most `most` of them. Returns how
-- many, their bytes, and 1 if a limit is exceeded still.
local function evict(max_entries, max_bytes, most)
  local count, freed = 0, 0
  if max_entries == math.huge and max_bytes == math.huge then
    return count, freed, 0
  end
  local entries = redis.call('ZCARD', LRU)
  local bytes = total()
  while entries > 0 and (entries - count > max_entries or bytes - freed > max_bytes) do
    local oldest = count < most and redis.call('ZRANGE', LRU, 0, 0)[1]
    if not oldest then
      return count, freed, count < most and 0 or 1
    end
    count, freed = count + 1, freed + (drop(oldest) or 0)
  end
  return count, freed, 0
end
