-- ARGV: keys. Returns entries and bytes removed.
local removal = removal_module()
local entries, bytes = removal.drop_all(ARGV)
removal.settle()
return {entries, bytes}
