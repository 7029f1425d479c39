-- ARGV: (stamp, key) of each use, least recent first.
redis.call('ZADD', LRU, 'XX', 'GT', unpack(ARGV))
if has_lrfu() then
  local lrfu = lrfu_module()
  lrfu.open()
  for i = 1, #ARGV, 2 do
    lrfu.used(ARGV[i + 1], ARGV[i])
  end
  lrfu.save()
  removal_module().drop_empty_index()
end
