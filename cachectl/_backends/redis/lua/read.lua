-- ARGV: bytes of each value, then keys. Returns for each key its first bytes, and its size or 0.
local found = {}
for i = 2, #ARGV do
  local head = redis.pcall('GETRANGE', base .. 'e:' .. ARGV[i], 0, ARGV[1] - 1)
  found[2 * i - 3] = type(head) == 'string' and head or 'not a string'
  found[2 * i - 2] = size_in(redis.call('HGET', META, ARGV[i]))
end
return found
