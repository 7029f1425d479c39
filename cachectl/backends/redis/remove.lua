-- ARGV: keys. Returns entries and bytes removed.
local entries, bytes = drop_all(ARGV)
settle()
return {entries, bytes}
