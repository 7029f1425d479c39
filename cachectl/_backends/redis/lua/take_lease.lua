-- ARGV: key, token, now, tags as `leases.lua` has them, milliseconds after which all are old.
-- Returns the token of the lease.
local token = leases_module().take(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
redis.call('PEXPIRE', LOADS, ARGV[5])
return token
