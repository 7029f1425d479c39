-- ARGV: key, token. Returns 1 if the lease was not revoked.
return leases_module().give_back(ARGV[1], ARGV[2])
