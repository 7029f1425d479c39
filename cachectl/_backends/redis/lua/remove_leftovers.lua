-- ARGV: values, by the whole of their keys. Removes those whose generation has ended.
local removal = removal_module()
generation = redis.call('GET', GEN)
for _, value in ipairs(ARGV) do
  if removal.head_of(string.sub(value, #VALUES + 1), 4) == '' then
    redis.call('UNLINK', value)
  end
end
