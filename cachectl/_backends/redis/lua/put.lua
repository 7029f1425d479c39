-- ARGV: "now max_entries max_bytes eviction most condition look generation number stamp touches", most
--       is of evictions, generation what the client takes for it and data begin with, number one that no
--       other put has, stamp of the first item, each next one's is one more; with a look of 1 limits,
--       expired entries and what others removed are seen to although nothing grew;
--       (stamp, key) of each touch; (key, data, "expires px tags") of each item, no key twice.
-- Times and stamps are microseconds, px milliseconds; - is no limit, condition or TTL. Without data the
-- value has been set already. A condition may also be "=<token>", a
-- lease of the only item; any other write revokes the leases of its keys. Numbers are joined because
-- each argument costs a client more than a match costs here.
-- Returns how many were stored, if there is nothing else to tell; or stored, expired, over, which
-- is 1 if limits are exceeded still, first, which is 1 if nothing was here before, dropped, which are
-- those that the server removed by itself, the generation if the client has another, or '', and then
-- the keys that were evicted.
local now, max_entries, max_bytes, eviction, most, condition, check_limits, assumed, number, stamp, touches =
  string.match(ARGV[1], '(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
local lrfu = eviction == 'lrfu' and lrfu_module()
local removal = (lrfu or check_limits == '1') and removal_module()
local max_size = limit(max_bytes)
local first_item = 2 + 2 * tonumber(touches)
local lease = condition ~= '-' and string.match(condition, '^=(.+)')
local stored, expired, added, grown, first, dropped = 0, 0, 0, 0, 0, 0
local evicted = {}
-- What is added to the index at the end: a command with many members costs little more than with one.
local used, expiring, described = {}, {}, {}
local about, expires, px, tags

local SIGNS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-'

-- Begins a generation, which no other was or will be.
local function begin_generation()
  removal = removal or removal_module()
  removal.end_generation(redis.call('EXISTS', GEN, LRU, META, TAG) > 0)
  local digest = redis.sha1hex(base .. number .. ' ' .. stamp)
  generation = string.gsub(string.sub(digest, 1, 16), '%x%x', function(digits)
    local at = tonumber(digits, 16) % #SIGNS + 1
    return string.sub(SIGNS, at, at)
  end)
  redis.call('SET', GEN, generation)
  is_bound, first = true, 1
end

-- Clocks differ and are set back: what is written now is the newest nevertheless, or the limits
-- would drop it at once. A score that cannot be a stamp of ours counts for nothing.
local function latest()
  if redis.call('ZCOUNT', LRU, stamp, '+inf') == 0 then
    return tonumber(stamp)
  end
  local newest = tonumber(redis.call('ZRANGE', LRU, -1, -1, 'WITHSCORES')[2])
  return math.max(tonumber(stamp), newest < 2^53 - 1 and newest + 1 or 0)
end

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
  removal.drop(key)
  evicted[#evicted + 1] = key
end

local function describe(key, size, old)
  local meta = tags == '' and tostring(size) or size .. '\0' .. tags
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
    local n = #used
    used[n + 1], used[n + 2] = stamp, key
  end
  stamp = stamp + 1
end

local function write(key, data, old, due)
  local value = VALUES .. key
  local is_set = data == ''
  local size = (is_set and redis.call('STRLEN', value) or #data) - #generation
  if size > max_size then
    return refuse(key)
  end
  if assumed ~= generation and is_set then
    redis.call('SETRANGE', value, 0, generation)
  elseif assumed ~= generation then
    data = generation .. string.sub(data, #generation + 1)
  end
  if not is_set and px == '-' then
    redis.call('SET', value, data)
  elseif not is_set then
    redis.call('SET', value, data, 'PX', px)
  end
  describe(key, size, old)
  index(key, due)
  added = added + (old and 0 or 1)
end

local keys, dues = {}, nil
for i = first_item, #ARGV, 3 do
  keys[#keys + 1] = ARGV[i]
end
local olds = redis.call('HMGET', META, '', unpack(keys))
open(table.remove(olds, 1))
if not is_bound or check_limits == '1' and not removal.is_whole() then
  begin_generation()
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

stamp = latest()
for at, key in ipairs(keys) do
  local i, old = first_item + 3 * at - 3, olds[at]
  dues = dues or old and redis.call('ZMSCORE', EXP, unpack(keys))
  local due = old and dues[at]
  local stale = due and tonumber(due) <= tonumber(now)
  if ARGV[i + 2] ~= about then  -- most are like the one before
    about = ARGV[i + 2]
    expires, px, tags = string.match(about, '(%S+) (%S+) (.*)')
  end
  if condition == '-' or permitted(key, stale) then
    stored = stored + 1
    expired = expired + (stale and 1 or 0)
    write(key, ARGV[i + 1], old, due)
  end
end
if stored > 0 and not lease then
  redis.call('HDEL', LOADS, unpack(keys))
end
if #used > 0 then
  redis.call('ZADD', LRU, unpack(used))
end
if #expiring > 0 then
  redis.call('ZADD', EXP, unpack(expiring))
end

local function exceeded()
  return max_entries ~= '-' and redis.call('ZCARD', LRU) > tonumber(max_entries)
    or bytes > max_size
end

local over = 0
local must_look = check_limits == '1' or #evicted > 0 or (added > 0 or grown > 0) and exceeded()
if #described > 0 then
  redis.call('HSET', META, '', about_all(), unpack(described))
elseif first == 1 then
  removal.end_generation(false)
  first = 0
end
if must_look or lrfu then
  removal = removal or removal_module()
  local gone, _, forgotten = removal.drop_expired(now, 10 + #keys)
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
