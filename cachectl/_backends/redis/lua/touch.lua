-- ARGV: (stamp, key) of each use, least recent first; none is a look at whether all is whole.
-- What is used keeps its index in memory where the server drops what is used least.
local removal = removal_module()
open(redis.call('HGET', META, ''))
if not removal.is_whole() then
  local left = redis.call('EXISTS', GEN, LRU, META, TAG)
  return left > 0 and removal.end_generation(true)
end
if #ARGV == 0 then
  return
end
redis.call('ZADD', LRU, 'XX', 'GT', unpack(ARGV))
if has_lrfu() then
  local lrfu = lrfu_module()
  lrfu.open()
  for i = 1, #ARGV, 2 do
    lrfu.used(ARGV[i + 1], ARGV[i])
  end
  lrfu.save()
end
redis.call('TOUCH', EXP, META, TAG)
