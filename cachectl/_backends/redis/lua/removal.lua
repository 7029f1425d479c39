-- How entries go. A module: `scripts.py` makes it the function `removal_module`, behind
-- common.lua, so that calls which drop nothing do not run it.
local WINDOW, MAIN, SCORE = rank_keys()
local LOOKED_AT = 8  -- of those that would go next; and a look at any others sees so many at once:
local SAMPLE, ROUNDS = 64, 16
local MANY = 1000  -- arguments of one command
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

-- Drops the ranks of keys, which most often are all in one segment.
local function drop_some_ranks(keys)
  if redis.call('ZREM', MAIN, unpack(keys)) == #keys then
    return
  end
  local marks = {}
  for i, stamp in ipairs(redis.call('ZMSCORE', WINDOW, unpack(keys))) do
    marks[#marks + 1] = stamp and removal.mark(keys[i]) or nil
  end
  if #marks > 0 then
    redis.call('ZREM', WINDOW, unpack(keys))
    redis.call('HDEL', SCORE, unpack(marks))
  end
end

function removal.drop_ranks()
  redis.call('UNLINK', rank_keys())
  has_ranks = false
end

-- Which of these values are there, and are of this generation if nothing else says so.
local function values_there(keys, values, metas)
  local there, all = {}, redis.call('EXISTS', unpack(values)) == #keys
  for i, key in ipairs(keys) do
    there[i] = (is_bound and metas[i] or removal.head_of(key, 4) ~= '')
      and (all or redis.call('EXISTS', values[i]) == 1)
  end
  return there
end

-- Takes out of the totals, and of the tags, what is told of keys. Returns their sizes.
local function discount(keys, metas)
  local sizes, gone, tagged = {}, {}, {}
  for i, key in ipairs(keys) do
    local meta = metas[i]
    sizes[i] = size_in(meta)
    if meta then
      gone[#gone + 1] = key
      account(0, sizes[i])
      for tag in string.gmatch(meta, '%z(%Z+)') do
        tagged[#tagged + 1] = tag .. '\0' .. key
      end
    end
  end
  if #gone > 0 then
    redis.call('HDEL', META, unpack(gone))
  end
  for from = 1, #tagged, MANY do
    members = members - redis.call('ZREM', TAG, unpack(tagged, from, math.min(#tagged, from + MANY - 1)))
  end
  return sizes
end

-- The only way entries go, none named twice: a command with many keys takes the server a third of
-- what as many commands do. Returns of each the stored bytes it had; false if there was none, or the
-- server had dropped it already.
function removal.drop(keys)
  if #keys == 0 then
    return {}
  end
  local values = {}
  for i, key in ipairs(keys) do
    values[i] = VALUES .. key
  end
  local metas = redis.call('HMGET', META, unpack(keys))
  local there = values_there(keys, values, metas)
  redis.call('UNLINK', unpack(values))
  redis.call('ZREM', LRU, unpack(keys))
  redis.call('ZREM', EXP, unpack(keys))
  local sizes = discount(keys, metas)
  if has_lrfu() then
    drop_some_ranks(keys)
  end
  for i = 1, #keys do
    sizes[i] = there[i] and sizes[i]
  end
  return sizes
end

-- Returns how many entries, their bytes, and how many the server had dropped before.
function removal.drop_all(keys)
  local entries, freed = 0, 0
  for _, size in ipairs(removal.drop(keys)) do
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
  local dropped, expired = {}, 0
  for i, key in ipairs(keys) do
    if redis.call('EXISTS', values[i]) == 0 then
      dropped[#dropped + 1] = key
    end
  end
  for _, due in ipairs(redis.call('ZMSCORE', EXP, unpack(dropped))) do
    expired = expired + (due and tonumber(due) <= tonumber(now) and 1 or 0)
  end
  removal.drop(dropped)
  return #dropped, expired
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

-- Returns keys that were used least recently, so many that entries and bytes are no more too many by
-- so much; at most `most`, of `held` entries.
function removal.least_recently_used(most, entries, size, held)
  if size <= 0 then
    return redis.call('ZRANGE', LRU, 0, math.min(most, entries) - 1)
  end
  local likely = math.max(entries, math.ceil(size * held / bytes) + 1)
  local keys = redis.call('ZRANGE', LRU, 0, math.min(most, likely) - 1)
  for i, meta in ipairs(#keys > 0 and redis.call('HMGET', META, unpack(keys)) or {}) do
    if i > entries and size <= 0 then
      return {unpack(keys, 1, i - 1)}
    end
    size = size - size_in(meta)
  end
  return keys
end

-- Drops these and adds to `evicted` the keys of those that were there. Returns their bytes, and how
-- many were not.
function removal.evict_all(keys, evicted)
  local freed, before = 0, #evicted
  for i, size in ipairs(removal.drop(keys)) do
    if size then
      evicted[#evicted + 1], freed = keys[i], freed + size
    end
  end
  return freed, #keys - (#evicted - before)
end

-- Drops what `choose` names while a limit is exceeded, at most `most` entries, and adds the keys to
-- `evicted`. Returns their bytes, 1 if a limit is exceeded still, and how many the server had
-- dropped before: they do not count, and no other goes in their place.
function removal.evict(max_entries, max_bytes, most, choose, evicted, now)
  local freed, held = 0, redis.call('ZCARD', LRU)
  if held <= max_entries and bytes <= max_bytes then
    return 0, 0, 0
  end
  local dropped = removal.forget_dropped(redis.call('ZRANGE', LRU, 0, LOOKED_AT - 1), now)
  held = held - dropped
  while held > 0 and (held > max_entries or bytes > max_bytes) do
    local victims = most > 0 and choose(most, held - max_entries, bytes - max_bytes, held) or {}
    if #victims == 0 then
      return freed, most > 0 and 0 or 1, dropped
    end
    local some, unseen = removal.evict_all(victims, evicted)
    freed, dropped = freed + some, dropped + unseen
    most, held = most - #victims, held - #victims
  end
  return freed, 0, dropped
end

return removal
