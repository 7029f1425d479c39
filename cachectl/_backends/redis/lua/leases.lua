-- Leases of loads, as `cachectl/_backends/leases.py` keeps them; it says what they are. A module:
-- `scripts.py` makes it the function `leases_module`, behind common.lua.
--
-- LOADS has of each key that is being loaded "<token> <holders> <began> <tags>", each tag between
-- line feeds. If the server drops it, what is loaded is not stored.
local leases = {}

-- Token, holders, beginning and tags of a key's lease; nil if there is none that can be one.
local function find(key)
  return string.match(redis.call('HGET', LOADS, key) or '', '^(%x+) (%d+) (%d+) (.*)$')
end

local function keep(key, token, holders, began, tags)
  redis.call('HSET', LOADS, key, string.format('%s %d %s %s', token, holders, began, tags))
end

-- Returns the token of the key's lease, which is the given one unless there is another.
function leases.take(key, token, began, tags)
  local held, holders, _, others = find(key)
  if held then
    token = held
    tags = string.find(others, tags, 1, true) and others or others .. tags
  end
  keep(key, token, (holders or 0) + 1, began, tags)
  return token
end

-- Returns whether the lease was not revoked.
function leases.give_back(key, token)
  local held, holders, began, tags = find(key)
  if held ~= token then
    return false
  end
  if tonumber(holders) > 1 then
    keep(key, token, holders - 1, began, tags)
  else
    redis.call('HDEL', LOADS, key)
  end
  return true
end

-- Revokes the leases of which `is_meant` says so, told when they began and their tags.
function leases.revoke(is_meant)
  local all = redis.call('HGETALL', LOADS)
  for i = 1, #all, 2 do
    local began, tags = string.match(all[i + 1], '^%x+ %d+ (%d+) (.*)$')
    if not began or is_meant(tonumber(began), tags) then
      redis.call('HDEL', LOADS, all[i])
    end
  end
end

return leases
