-- The first part of every script that reads an index record: its text, its trust, its time. src/protocol/index.rs has
-- the same rules, and a test compares the two.
--
-- KEYS[1]  the record
-- ARGV[1]  the server's stamp       ARGV[2]  suspect, rotate or trust: what happens to records of another stamp
-- ARGV[3]  how long a record takes rows of the primary only, in ms
-- ARGV[4], ARGV[5]  two new random ids, for a mark and for a fence generation
--
-- Versions are text of 20 digits and are compared as text: a Lua number would round them.

local INDEX, STAMP, ON_FAILOVER, LAG = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local MAX_MARKS = 8
local ZERO = string.rep('0', 20)
local VERSION, ID = string.rep('%d', 20), string.rep('[0-9a-f]', 16)
local FORM = '^2 floor=(' .. VERSION .. ') turn=(' .. ID .. ') alias=([%d-]+) cold=([01]) young=(%d+) rotates=([01]) '
  .. 'server=(' .. ID .. ') marks=([%d.a-f,]+) key=(.*)$'

local clock = redis.call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
local now = math.floor(now_us / 1000)

-- A client that lost the answer may send the same call again: the second call must still get a new id.
local function fresh(id)
  return string.sub(redis.sha1hex(id .. ' ' .. clock[1] .. ' ' .. clock[2]), 1, 16)
end
local MARK, TURN = fresh(ARGV[4]), fresh(ARGV[5])

-- The marks, or nothing: `from.id`, ascending; the first starts at 0.
local function parse_marks(text)
  local marks = {}
  for one in string.gmatch(text .. ',', '([^,]*),') do
    local from, id = string.match(one, '^(' .. VERSION .. ')%.(' .. ID .. ')$')
    if not from then return nil end
    table.insert(marks, { from = from, id = id })
  end
  if #marks > MAX_MARKS or marks[1].from ~= ZERO then return nil end
  return marks
end

-- The record, or nothing. A record under another key than its own counts as nothing.
local function parse(text)
  local floor, turn, alias, cold, young, rotates, server, marks, key = string.match(text or '', FORM)
  marks = floor and parse_marks(marks)
  if not marks or key ~= INDEX then return nil end
  if alias ~= '-' and not string.match(alias, '^' .. VERSION .. '$') then return nil end
  return {
    floor = floor, turn = turn, alias = alias, cold = cold == '1', young = tonumber(young),
    rotates = rotates == '1', server = server, marks = marks,
  }
end

local function render(record)
  local marks = {}
  for at, mark in ipairs(record.marks) do marks[at] = mark.from .. '.' .. mark.id end
  return string.format('2 floor=%s turn=%s alias=%s cold=%d young=%.0f rotates=%d server=%s marks=%s key=',
    record.floor, record.turn, record.alias, record.cold and 1 or 0, record.young, record.rotates and 1 or 0,
    record.server, table.concat(marks, ',')) .. INDEX
end

-- A new life of the record: unverified, for a time primary-only, and no entry from before can be found.
local function rotated(floor, rotates)
  return {
    floor = floor, turn = MARK, alias = '-', cold = true, young = now + LAG, rotates = rotates,
    server = STAMP, marks = { { from = ZERO, id = MARK } },
  }
end

-- The record, and whether it is suspect: confirmed by an earlier server, which may have known more moves than this one.
-- A text that is not a record of this key is deleted: another version of this code, which takes no moves from here, may
-- have written it.
local function load()
  local text = text_of(INDEX)
  local record = parse(text)
  if text and not record then redis.call('DEL', INDEX) end
  if not record or ON_FAILOVER == 'trust' or record.server == STAMP then return record, false end
  if ON_FAILOVER == 'rotate' then return nil, false end
  return record, true
end

-- What can be kept of a suspect record. If version numbers are used twice, a lost move may have set a mark.
local function confirmed(record)
  if record.rotates then return rotated(record.floor, true) end
  record.turn, record.alias, record.cold, record.young, record.server = TURN, '-', true, now + LAG, STAMP
  return record
end

local function save(record)
  redis.call('SET', INDEX, render(record), 'KEEPTTL')
end

-- Events must work when the server's memory is full: then the record is deleted. A missing record is unverified, never
-- stale.
local function save_or_drop(record)
  local saved = redis.pcall('SET', INDEX, render(record), 'KEEPTTL')
  if saved.err then redis.call('DEL', INDEX) end
end

-- Extends the record's time to live; never shortens it.
local function live(ms)
  if redis.call('PTTL', INDEX) < ms then redis.call('PEXPIRE', INDEX, ms) end
end

local function needs_primary(record)
  return record.cold or now < record.young
end

local function answer(word, record)
  return { now_us, word, record and render(record) or '' }
end
