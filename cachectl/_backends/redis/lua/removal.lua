-- How entries go. A module: `scripts.py` makes it the function `removal_module`, behind
-- common.lua, so that calls which drop nothing do not run it.
local WINDOW, MAIN, SCORE = rank_keys()
local LOOKED_AT = 8  -- of those that would go next; and a look at any others sees so many at once:
local SAMPLE, ROUNDS = 64, 16
local SIGNS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-'
local removal = {}

-- The beginning of a value, behind its generation; '' if there is none, or its generation has ended.
-- What was never a value of ours, but somebody else's under its key, is returned as it is.
function removal.head_of(key, length)
  local head = redis.pcall('GETRANGE', VALUES .. key, 0, length + 7)
  if type(head) == 'table' then
    return 'not a string'
  end
  if string.sub(head, 1, 8) == generation then
    return string.sub(head, 9)
  end
  local has_ended = string.sub(head, 9, 12) == 'cctl' or string.sub(head, 1, 4) == 'cctl'
  return has_ended and '' or head
end

-- Whether the index names all there is. An expiry that is lost makes nobody miss a value.
function removal.is_whole()
  return is_bound and redis.call('ZCARD', LRU) == redis.call('HLEN', META) - 1
    and redis.call('ZCARD', TAG) == members
end

-- Ends the generation. If there are values that nothing names any more, a cleanup looks for them.
function removal.end_generation(leaves_values)
  redis.call('UNLINK', GEN, LRU, EXP, META, TAG, rank_keys())
  if leaves_values then
    redis.call('SET', base .. 'lost', 1)
  end
  generation, is_bound, is_changed = false, false, false
  bytes, blocks, members = 0, 0, 0
end

-- Begins a generation, which no other was or will be: `once` is told of no other.
function removal.begin_generation(once)
  removal.end_generation(redis.call('EXISTS', GEN, LRU, META, TAG) > 0)
  local digest = redis.sha1hex(base .. once)
  generation = string.gsub(string.sub(digest, 1, 16), '%x%x', function(digits)
    local at = tonumber(digits, 16) % #SIGNS + 1
    return string.sub(SIGNS, at, at)
  end)
  redis.call('SET', GEN, generation)
  is_bound = true
end

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

-- The only way an entry goes. Returns the stored bytes it had; nil if there was none, or the server
-- had dropped it already.
function removal.drop(key)
  local meta = redis.call('HGET', META, key)
  local was_there = is_bound and meta or removal.head_of(key, 4) ~= ''
  was_there = redis.call('UNLINK', VALUES .. key) == 1 and was_there
  redis.call('ZREM', LRU, key)
  redis.call('ZREM', EXP, key)
  if meta then
    redis.call('HDEL', META, key)
    untag(key, meta)
    account(0, size_in(meta))
  end
  if has_lrfu() then
    drop_rank(key)
  end
  return was_there and size_in(meta) or nil
end

-- Returns how many entries, their bytes, and how many the server had dropped before.
function removal.drop_all(keys)
  local entries, freed = 0, 0
  for _, key in ipairs(keys) do
    local size = removal.drop(key)
    if size then
      entries, freed = entries + 1, freed + size
    end
  end
  return entries, freed, #keys - entries
end

-- Drops what expired by `now`, at most so many entries, and returns what `drop_all` does.
function removal.drop_expired(now, most)
  return removal.drop_all(redis.call('ZRANGE', EXP, '-inf', now, 'BYSCORE', 'LIMIT', 0, most))
end

-- Forgets those of the keys that the server dropped. Returns how many, and how many of them had
-- expired by `now`.
function removal.forget_dropped(keys, now)
  local values = {}
  for i, key in ipairs(keys) do
    values[i] = VALUES .. key
  end
  if #keys == 0 or redis.call('EXISTS', unpack(values)) == #keys then
    return 0, 0
  end
  local dropped, expired = 0, 0
  for i, key in ipairs(keys) do
    if redis.call('EXISTS', values[i]) == 0 then
      local due = redis.call('ZSCORE', EXP, key)
      expired = expired + (due and tonumber(due) <= tonumber(now) and 1 or 0)
      dropped = dropped + 1
      removal.drop(key)
    end
  end
  return dropped, expired
end

-- Looks at some entries of all, and at more while many of them are gone, as Redis does itself for
-- what expires (`activeExpireCycle`). Returns what `forget_dropped` does.
function removal.look_around(now)
  local dropped, expired = 0, 0
  for _ = 1, ROUNDS do
    local some, due = removal.forget_dropped(redis.call('ZRANDMEMBER', LRU, SAMPLE), now)
    dropped, expired = dropped + some, expired + due
    if some < SAMPLE / 4 then
      break
    end
  end
  return dropped, expired
end

-- An empty namespace leaves no key behind.
function removal.save()
  if redis.call('EXISTS', LRU) == 0 then
    removal.end_generation(false)
  elseif is_changed then
    redis.call('HSET', META, '', about_all())
  end
end

-- What every script that removes ends with: where nobody can say that nothing is left over, nothing
-- is served any more.
function removal.finish()
  if removal.is_whole() then
    return removal.save()
  end
  removal.end_generation(redis.call('EXISTS', GEN, LRU, META, TAG) > 0)
end

-- The keys of the index under which somebody else put something of another type.
function removal.foreign()
  local kinds = {
    [LRU] = 'zset', [EXP] = 'zset', [META] = 'hash', [TAG] = 'zset', [GEN] = 'string',
  }
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

-- Drops these and adds to `evicted` the keys of those that were there. Returns their bytes, and how
-- many were not.
function removal.evict_all(keys, evicted)
  local freed, dropped = 0, 0
  for _, key in ipairs(keys) do
    local size = removal.drop(key)
    if size then
      evicted[#evicted + 1], freed = key, freed + size
    else
      dropped = dropped + 1
    end
  end
  return freed, dropped
end

-- Drops what `choose` names while a limit is exceeded, at most `most` entries, and adds the keys to
-- `evicted`. Returns their bytes, 1 if a limit is exceeded still, and how many the server had
-- dropped before: they do not count, and no other goes in their place.
function removal.evict(max_entries, max_bytes, most, choose, evicted, now)
  local count, freed, held = 0, 0, redis.call('ZCARD', LRU)
  if held <= max_entries and bytes <= max_bytes then
    return 0, 0, 0
  end
  local next_ones = redis.call('ZRANGE', LRU, 0, LOOKED_AT - 1)
  local dropped = removal.forget_dropped(next_ones, now)
  held = held - dropped
  while held > 0 and (held > max_entries or bytes > max_bytes) do
    local victim = count < most and choose()
    if not victim then
      return freed, count < most and 0 or 1, dropped
    end
    local size = removal.drop(victim)
    count, held = count + 1, held - 1
    if size then
      freed = freed + size
      evicted[#evicted + 1] = victim
    else
      dropped = dropped + 1
    end
  end
  return freed, 0, dropped
end

return removal
