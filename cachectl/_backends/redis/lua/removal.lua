-- How entries go. A module: `scripts.py` makes it the function `removal_module`, behind
-- common.lua, so that calls which drop nothing do not run it.
local WINDOW, MAIN, SCORE = rank_keys()
local removal = {}

-- What stands for a key where it may be forgotten: 56 bits, which are 16 bytes to the server.
function removal.mark(key)
  return string.sub(redis.sha1hex(key), 1, 14)
end

local function drop_rank(key)
  if redis.call('ZREM', MAIN, key) == 0 and redis.call('ZREM', WINDOW, key) == 1 then
    redis.call('HDEL', SCORE, removal.mark(key))
  end
end

function removal.drop_ranks()
  redis.call('UNLINK', rank_keys())
  has_ranks = false
end

-- The only way an entry goes. Returns the stored bytes it had, nil if there was none; an entry
-- whose value or part of whose index the server itself dropped is one nevertheless.
function removal.drop(key)
  local found = redis.call('UNLINK', base .. 'e:' .. key) + redis.call('ZREM', LRU, key)
  redis.call('ZREM', EXP, key)
  local meta = redis.call('HGET', META, key)
  if meta then
    redis.call('HDEL', META, key)
    untag(key, meta)
  end
  if has_lrfu() then
    drop_rank(key)
  end
  local size = size_in(meta)
  if size > 0 then
    grow(-size)
  end
  return found > 0 and size or nil
end

function removal.drop_all(keys)
  local entries, bytes = 0, 0
  for _, key in ipairs(keys) do
    local size = removal.drop(key)
    if size then
      entries, bytes = entries + 1, bytes + size
    end
  end
  return entries, bytes
end

-- Drops what expired by `now`, at most so many entries. Returns how many, and their bytes.
function removal.drop_expired(now, most)
  return removal.drop_all(redis.call('ZRANGE', EXP, '-inf', now, 'BYSCORE', 'LIMIT', 0, most))
end

-- An empty namespace leaves no key behind, and no sum that could be wrong.
function removal.drop_empty_index()
  if redis.call('EXISTS', LRU) == 0 then
    redis.call('UNLINK', EXP, META, TAG, SUM, rank_keys())
  end
end

-- The keys of the index under which somebody else put something of another type.
function removal.foreign()
  local kinds = {[LRU] = 'zset', [EXP] = 'zset', [META] = 'hash', [TAG] = 'zset', [SUM] = 'hash'}
  for i, key in ipairs({rank_keys()}) do
    kinds[key] = (i == 3 or i == 4) and 'hash' or 'zset'
  end
  local found = {}
  for key, kind in pairs(kinds) do
    local type = redis.call('TYPE', key).ok
    if type ~= kind and type ~= 'none' then
      found[#found + 1] = key
    end
  end
  return found
end

function removal.least_recently_used()
  return redis.call('ZRANGE', LRU, 0, 0)[1]
end

-- Drops what `choose` names while a limit is exceeded, at most `most` entries, and adds the keys to
-- `evicted`. Returns their bytes, and 1 if a limit is exceeded still.
function removal.evict(max_entries, max_bytes, most, choose, evicted)
  if max_entries == math.huge and max_bytes == math.huge then
    return 0, 0
  end
  local count, freed = 0, 0
  local entries, bytes = redis.call('ZCARD', LRU), total()
  while entries > 0 and (entries - count > max_entries or bytes - freed > max_bytes) do
    local victim = count < most and choose()
    if not victim then
      return freed, count < most and 0 or 1
    end
    count, freed = count + 1, freed + (removal.drop(victim) or 0)
    evicted[#evicted + 1] = victim
  end
  return freed, 0
end

return removal
