-- ARGV: most. Returns stamp of last use and stored bytes of those that were used least recently.
local found = redis.call('ZRANGE', LRU, 0, ARGV[1] - 1, 'WITHSCORES')
for i = 1, #found, 2 do
  found[i], found[i + 1] = found[i + 1], size_in(redis.call('HGET', META, found[i]))
end
return found
