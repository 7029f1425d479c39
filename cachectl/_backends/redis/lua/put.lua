-- ARGV: "now max_entries max_bytes eviction most condition look generation number stamp touches items",
--       most is of evictions, generation what the client takes for it and data begin with, number one
--       that no other put has, stamp of the first item, each next one's is one more; with a look of 1
--       limits, expired entries and what others removed are seen to although nothing grew;
--       (stamp, key) of each touch; the key of each item, none twice; and for each run of items that
--       have this in common "count sizes expires px tags", with the data of each behind it.
-- Times and stamps are microseconds, px milliseconds; - is no limit, condition or TTL, and no sizes:
-- those are of values that have been set already, and told no data of. A condition may also be
-- "=<token>", a lease of the only item; any other write revokes the leases of its keys. Numbers are
-- joined because each argument costs a client more than a match costs here.
-- Returns how many were stored, if there is nothing else to tell; or stored, expired, over, which
-- is 1 if limits are exceeded still, first, which is 1 if nothing was here before, dropped, which are
-- those that the server removed by itself, the generation if the client has another, or '', and then
-- the keys that were evicted.
local now, max_entries, max_bytes, eviction, most, condition, check_limits, assumed, number, stamp, touches, items =
  string.match(ARGV[1], '(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
local lrfu = eviction == 'lrfu' and lrfu_module()
local removal = (lrfu or check_limits == '1') and removal_module()
local max_size = limit(max_bytes)
local first_item = 2 + 2 * tonumber(touches)
local last_item = first_item + tonumber(items) - 1
local lease = condition ~= '-' and string.match(condition, '^=(.+)')
local stored, expired, added, grown, first, dropped = 0, 0, 0, 0, 0, 0
local evicted = {}
-- What is added to the index at the end: a command with many members costs little more than with one.
local used, expiring, described = {}, {}, {}
local expires, px, tags

-- A small hash is searched through for each field, until something in it is longer than 64 bytes: where
-- so many fields and values come at once it is told of such a one before.
local MANY = 200

local function permitted(key, stale)
  if lease then
    return leases_module().give_back(key, lease)
  end
  removal = removal or removal_module()
  local present = not stale and removal.head_of(key, 4) ~= ''
  return present == (condition == 'present')
end

local function refuse(key)
  removal = removal or removal_module()
  removal.drop({key})
  evicted[#evicted + 1] = key
end

local function describe(key, size, old, size_text)
  local meta = tags == '' and size_text or size_text .. '\0' .. tags
  if meta == old and tags == '' then
    return
  end
  local n, old_size = #described, size_in(old)
  described[n + 1], described[n + 2] = key, meta
  if old then
    untag(key, old)
  end
  if tags ~= '' then
    for tag in string.gmatch(tags, '%Z+') do
      members = members + redis.call('ZADD', TAG, 0, tag .. '\0' .. key)
    end
  end
  account(size, old_size)
  grown = grown + size - old_size
end

-- A stamp is written down in two parts, of which many in a row have the first in common: for a number
-- so long that takes the server longer than all else here.
local hundreds
local function index(key, due)
  if expires ~= '-' then
    local n = #expiring
    expiring[n + 1], expiring[n + 2] = expires, key
  elseif due then
    redis.call('ZREM', EXP, key)
  end
  if lrfu then
    lrfu.written(key, stamp)
    redis.call('ZADD', LRU, stamp, key)
  else
    local n, rest = #used, stamp % 100
    local ones = rest % 10
    if rest == 0 or not hundreds then
      hundreds = string.format('%.0f', (stamp - rest) / 100)
    end
    used[n + 1], used[n + 2] = hundreds .. string.char(48 + (rest - ones) / 10, 48 + ones), key
  end
  stamp = stamp + 1
end

-- Stores data, or makes of what has been set already a value of this generation that expires.
local function write(key, data, size_text, old, due)
  local size, value = tonumber(size_text), VALUES .. key
  if size > max_size then
    return refuse(key)
  end
  if assumed ~= generation and data then
    data = generation .. string.sub(data, #generation + 1)
  elseif assumed ~= generation then
    redis.call('SETRANGE', value, 0, generation)
  end
  if data and px ~= '-' then
    redis.call('SET', value, data, 'PX', px)
  elseif data then
    redis.call('SET', value, data)
  elseif px ~= '-' then
    redis.call('PEXPIRE', value, px)
  end
  describe(key, size, old, size_text)
  index(key, due)
  added = added + (old and 0 or 1)
end

local olds = redis.call('HMGET', META, '', unpack(ARGV, first_item, last_item))
open(olds[1])
if not is_bound or check_limits == '1' and not removal.is_whole() then
  removal = removal or removal_module()
  removal.begin_generation(number .. ' ' .. stamp)
  first = 1
  olds = {}
end
if lrfu then
  lrfu.open()
elseif removal and has_lrfu() then
  removal.drop_ranks()
end
if first_item > 2 then
  redis.call('ZADD', LRU, 'XX', 'GT', unpack(ARGV, 2, first_item - 1))
  for i = 2, lrfu and first_item - 1 or 0, 2 do
    lrfu.used(ARGV[i + 1], ARGV[i])
  end
end

-- Clocks differ and are set back: what is written now is the newest nevertheless, or the limits
-- would drop it at once. A score that cannot be a stamp of ours counts for nothing.
local has_newer = redis.call('ZCOUNT', LRU, stamp, '+inf') > 0
stamp = tonumber(stamp)
if has_newer then
  local newest = tonumber(redis.call('ZRANGE', LRU, -1, -1, 'WITHSCORES')[2])
  stamp = math.max(stamp, newest < 2^53 - 1 and newest + 1 or 0)
end
local next_size, dues
local at, left = last_item, 0
for i = first_item, last_item do
  if left == 0 then
    at = at + 1
    local sizes
    left, sizes, expires, px, tags = string.match(ARGV[at], '(%d+) (%S+) (%S+) (%S+) (.*)')
    next_size = sizes ~= '-' and string.gmatch(sizes, '%d+')
  end
  left = left - 1
  local key, old, data, size = ARGV[i], olds[i - first_item + 2], nil, nil
  if next_size then
    size = next_size()
  else
    at = at + 1
    data, size = ARGV[at], tostring(#ARGV[at] - #generation)
  end
  dues = dues or old and redis.call('ZMSCORE', EXP, unpack(ARGV, first_item, last_item))
  local due = old and dues[i - first_item + 1]
  local stale = due and tonumber(due) <= tonumber(now)
  if condition == '-' or permitted(key, stale) then
    stored = stored + 1
    expired = expired + (stale and 1 or 0)
    write(key, data, size, old, due)
  end
end
if stored > 0 and not lease and (items == '1' or redis.call('EXISTS', LOADS) == 1) then
  redis.call('HDEL', LOADS, unpack(ARGV, first_item, last_item))
end
if #used > 0 then
  redis.call('ZADD', LRU, unpack(used))
end
if #expiring > 0 then
  redis.call('ZADD', EXP, unpack(expiring))
end

local over = 0
local must_look = check_limits == '1' or #evicted > 0 or (added > 0 or grown > 0) and (bytes > max_size
  or max_entries ~= '-' and redis.call('ZCARD', LRU) > tonumber(max_entries))
if #described > MANY then
  redis.call('HSET', META, '', string.rep(' ', 65))
end
if #described > 0 then
  redis.call('HSET', META, '', about_all(), unpack(described))
elseif first == 1 then
  removal.end_generation(false)
  first = 0
end
if must_look or lrfu then
  removal = removal or removal_module()
  local gone, _, forgotten = removal.drop_expired(now, 10 + tonumber(items))
  expired = expired + gone + forgotten
  if check_limits == '1' then
    local unseen, due = removal.look_around(now)
    dropped, expired = unseen - due, expired + due
    redis.call('TOUCH', LRU, EXP, META, TAG)
  end
  local choose = lrfu and lrfu.evict or removal.least_recently_used
  local written = stored - #evicted
  local _, unseen
  _, over, unseen =
    removal.evict(limit(max_entries), max_size, tonumber(most), choose, evicted, now)
  dropped = dropped + unseen
  if lrfu then
    lrfu.rebalance(written)
    lrfu.save()
  end
  removal.save()
end
local corrected = assumed == generation and '' or generation or ''
if expired + #evicted + over + first + dropped + #corrected == 0 then
  return stored
end
return {stored, expired, over, first, dropped, corrected, unpack(evicted)}
