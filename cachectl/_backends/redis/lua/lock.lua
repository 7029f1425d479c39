-- ARGV: token, milliseconds. Returns OK, or false if another holds the lock. A full server lets go on
-- what has begun with a write that takes no room: who makes room needs the lock for that.
if redis.call('EXISTS', base) == 1 then
  return false
end
redis.call('UNLINK', base)
return redis.call('SET', base, ARGV[1], 'PX', ARGV[2])
