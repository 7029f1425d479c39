-- KEYS[1] is a lock. ARGV: the holder's token, milliseconds to hold it on (0 gives it up).
-- Returns 1 if the lock is (or was) the holder's.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '0' then
  return redis.call('UNLINK', KEYS[1])
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
