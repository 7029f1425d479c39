-- ARGV: generations. Ends the one that the namespace has, if it is among them. Returns 1 if so.
local found = redis.call('GET', GEN)
for _, ended in ipairs(ARGV) do
  if found == ended then
    redis.call('UNLINK', LOADS)
    removal_module().end_generation(true)
    return 1
  end
end
return 0
