-- KEYS[1] has the names of namespaces. ARGV: names to add. A full server lets go on what has begun with
-- a write that takes no room.
redis.call('SREM', base, '')
return redis.call('SADD', base, unpack(ARGV))
