-- ARGV: entries to sample. Returns entries, bytes, and an estimate of the memory they take
-- beyond their stored bytes; false if MEMORY is not permitted here, or the index not ours.
if #removal_module().foreign() > 0 then
  return {0, 0, false}
end
local entries, bytes = redis.call('ZCARD', LRU), total()

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

local overhead = 0
local index = {LRU, EXP, META, TAG, SUM, unpack(has_lrfu() and {rank_keys()} or {})}
for _, key in ipairs(index) do
  local used = memory(key)
  if not used then
    return {entries, bytes, false}
  end
  overhead = overhead + used
end
if has_lrfu() then
  local _, _, _, _, window_ghosts, main_ghosts = rank_keys()
  local ghosts = redis.call('ZCARD', window_ghosts) + redis.call('ZCARD', main_ghosts)
  overhead = overhead + RANK * (entries + 2 * ghosts)
end
local sample = redis.call('ZRANDMEMBER', LRU, ARGV[1])
local beyond = 0
for _, key in ipairs(sample) do
  local size = size_in(redis.call('HGET', META, key))
  local expiry = redis.call('ZSCORE', EXP, key) and EXPIRY or 0
  beyond = beyond + memory(base .. 'e:' .. key) + expiry - size
end
if #sample > 0 then
  overhead = overhead + entries * beyond / #sample
end
return {entries, bytes, overhead}
