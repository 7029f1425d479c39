-- ARGV: width of the buckets of a ring, the first and the last bucket. Returns what the namespace counted
-- in all, and then of each of these buckets in which it counted anything the bucket and that. What
-- somebody else put in the place of a table counts as nothing.
local AT_ONCE = 16  -- of which most often none is there
local width, last = tonumber(ARGV[1]), tonumber(ARGV[3])
local prefix = base .. 'c:' .. ARGV[1] .. ':'

local function counted(name)
  local found = redis.pcall('HGETALL', name)
  if found.err and string.find(found.err, 'WRONGTYPE', 1, true) then
    return {}
  end
  return found.err and redis.call('HGETALL', name) or found
end

local found = {counted(base .. 'c')}
for first = tonumber(ARGV[2]), last, AT_ONCE * width do
  local names = {}
  for bucket = first, math.min(last, first + (AT_ONCE - 1) * width), width do
    names[#names + 1] = prefix .. string.format('%.0f', bucket)
  end
  if redis.call('EXISTS', unpack(names)) > 0 then
    for i, name in ipairs(names) do
      local of_bucket = counted(name)
      if #of_bucket > 0 then
        found[#found + 1] = first + (i - 1) * width
        found[#found + 1] = of_bucket
      end
    end
  end
end
return found
