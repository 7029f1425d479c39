-- ARGV: bytes of each value, then keys. Returns for each key its first bytes, none if it is not there,
-- and its size or 0.
local removal = removal_module()
generation = redis.call('GET', GEN)
local found = {}
for i = 2, #ARGV do
  found[2 * i - 3] = removal.head_of(ARGV[i], ARGV[1])
  found[2 * i - 2] = size_in(redis.call('HGET', META, ARGV[i]))
end
return found
