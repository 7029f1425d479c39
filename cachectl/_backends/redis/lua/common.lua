-- Put in front of every script. KEYS[1] is the namespace's base, "<prefix>:{<namespace>}:", and
-- every key is made of it: all of a namespace is in one hash slot. What only some calls need is
-- a function or a module (`scripts.py`): a name that is made costs as much as a command.
--
-- Each value begins with the 8 bytes of GEN, its generation, and is there only as long as they are
-- the same: whoever reads it reads both. LRU has each key by the stamp of its last use, EXP those
-- that expire by when they do. META has of each key its stored bytes, and its tags, each behind a
-- NUL; and under '', which is nobody's key, the generation and what is here in all. TAG has "<tag>
-- NUL <key>". LOADS has the leases of keys that are being loaded.
--
-- The server may drop any key by itself, and somebody may by hand. A dropped value is missed, and
-- its place in the index found out in time. An index that lost a part cannot say what must go: then
-- the generation ends, and with it all values, whether anything still names them or not.
local base = KEYS[1]
local VALUES, GEN = base .. 'e:', base .. 'gen'
local LRU, EXP, META, TAG, LOADS =
  base .. 'lru', base .. 'exp', base .. 'meta', base .. 'tag', base .. 'loads'
local generation, is_bound, bytes, blocks, members, is_changed

-- The keys of the eviction index of `lrfu`; `lrfu.lua` says what is in them.
local function rank_keys()
  return base .. 'window', base .. 'main', base .. 'score', base .. 'state',
    base .. 'window-ghosts', base .. 'main-ghosts'
end

-- The stored bytes that META tells of an entry. What cannot be a size, because somebody else wrote
-- it, is 0.
local function size_in(meta)
  local size = meta and (tonumber(meta) or tonumber(string.match(meta, '^%Z*')))
  return size and size >= 0 and size < 2^53 and size or 0
end

-- The bytes that the allocator takes for a value of so many: jemalloc has four sizes between two
-- powers of two (`size_classes.sh`), and Redis puts its header and a NUL around. Values of one call
-- are often of one size.
local last_size, last_allocated = 0, 0
local function allocated(size)
  if size == last_size or size == 0 then
    return size == 0 and 0 or last_allocated
  end
  local needed = size + 9 + (size < 248 and 3 or size < 65528 and 5 or 9)
  local _, power = math.frexp(needed - 1)
  local step = math.max(16, 2 ^ (power - 3))
  last_size, last_allocated = size, math.ceil(needed / step) * step
  return last_allocated
end

-- Reads the generation, and of META's '' what is here: stored bytes, allocated ones, and members of
-- TAG. They are bound to the generation: if it is another, they are not those of its index.
local function open(about)
  generation = redis.call('GET', GEN)
  local bound, held, taken, tagged = string.match(about or '', '^(........)(%d+) (%d+) (%d+)$')
  is_bound = bound == generation and #(held or '') < 16
  bytes, blocks, members = 0, 0, 0
  if is_bound then
    bytes, blocks, members = tonumber(held), tonumber(taken), tonumber(tagged)
  end
end

local function about_all()
  bytes, blocks, members = math.max(0, bytes), math.max(0, blocks), math.max(0, members)
  return generation .. string.format('%.0f %.0f %.0f', bytes, blocks, members)
end

local function account(size, old)
  if size ~= old then
    bytes = bytes + size - old
    blocks = blocks + allocated(size) - allocated(old)
  end
  is_changed = true
end

local function untag(key, meta)
  for tag in string.gmatch(meta, '%z(%Z+)') do
    members = members - redis.call('ZREM', TAG, tag .. '\0' .. key)
  end
end

local function limit(text)
  return text == '-' and math.huge or tonumber(text)
end

-- Looked up once a call.
local has_ranks
local function has_lrfu()
  if has_ranks == nil then
    has_ranks = redis.call('EXISTS', base .. 'state') == 1
  end
  return has_ranks
end
