-- ARGV: how many entries to look at, how many values to weigh, and from when on what expired cannot
-- be gone by itself. Returns entries, stored bytes and allocated bytes of what the index names; the
-- memory of the index; how many of the entries expired before; of these and of the others, how many
-- were looked at and are there; the bytes of those that were looked at, and of those there; and what
-- the weighed values take beside their allocated bytes, each.
-- The memory is false if MEMORY is not permitted here, all is nothing if the index is not ours.
local removal = removal_module()
if #removal.foreign() > 0 then
  return {0, 0, 0, false, 0, 0, 0, 0, 0, 0, 0}
end
open(redis.call('HGET', META, ''))
if not removal.is_whole() then
  return {0, 0, 0, redis.call('EXISTS', LRU, META, TAG) == 0 and 0, 0, 0, 0, 0, 0, 0, 0}
end
local entries, from = redis.call('ZCARD', LRU), tonumber(ARGV[3])

-- What MEMORY USAGE leaves out, in bytes. Of each value: its slot in the table of all keys, which
-- is half to fully used (12), and the 8 by which the allocator rounds up each of its entries in
-- that table, in the order of use and in the sizes (24). If it expires: a slot and an entry in the
-- table of expiries (44), and the rounding of its entry in ours (8).
-- Of each rank and each score: the rounding.
local SLOT, EXPIRY, RANK = 36, 52, 8

local function memory(key)
  local used = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', 20)
  if type(used) == 'table' then
    return nil
  end
  return (used or 0) + (used and SLOT or 0)
end

local function memory_of_index()
  local sum = 0
  for _, key in ipairs({LRU, EXP, META, TAG, GEN, unpack(has_lrfu() and {rank_keys()} or {})}) do
    local used = memory(key)
    if not used then
      return false
    end
    sum = sum + used
  end
  if has_lrfu() then
    local _, _, _, _, window_ghosts, main_ghosts = rank_keys()
    local ghosts = redis.call('ZCARD', window_ghosts) + redis.call('ZCARD', main_ghosts)
    sum = sum + RANK * (entries + 2 * ghosts)
  end
  return sum
end

local index = memory_of_index()
local keys = redis.call('ZRANDMEMBER', LRU, ARGV[1])
local dues, metas, all_there = redis.call('ZMSCORE', EXP, unpack(keys)), redis.call('HMGET', META, unpack(keys)), {}
for i, key in ipairs(keys) do
  all_there[i] = VALUES .. key
end
all_there = redis.call('EXISTS', unpack(all_there)) == #keys
local looked, there, size_looked, size_there = {0, 0}, {0, 0}, 0, 0
local beyond = {}
for i, key in ipairs(keys) do
  local due, size = dues[i] and tonumber(dues[i]), size_in(metas[i])
  local kind = due and due < from and 1 or 2
  looked[kind], size_looked = looked[kind] + 1, size_looked + size
  if all_there or redis.call('EXISTS', VALUES .. key) == 1 then
    there[kind], size_there = there[kind] + 1, size_there + size
    if index and #beyond < tonumber(ARGV[2]) then
      beyond[#beyond + 1] = memory(VALUES .. key) + (due and EXPIRY or 0) - allocated(size)
    end
  end
end
return {
  entries, bytes, blocks, index, redis.call('ZCOUNT', EXP, '-inf', '(' .. ARGV[3]),
  looked[1], there[1], looked[2], there[2], size_looked, size_there, unpack(beyond),
}
