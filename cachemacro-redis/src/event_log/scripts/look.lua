-- LOOK: the life of the stream, the id of its last entry, and the position of the group: the id that was delivered
-- last, and the oldest one that is not settled. Empty if there is none.
--
-- KEYS[1]  the stream     KEYS[2]  its head: `life number`     KEYS[3]  the group's own stream
-- ARGV[1]  the group

local function field(line, name)
  for at = 1, #line, 2 do
    if line[at] == name then return line[at + 1] end
  end
end

local seen = { string.match(text_of(KEYS[2]) or '', '^%x+') or '', '', '', '' }
-- The state of a stream, or nothing. A value of another type is from another program, and is deleted.
local function inspected(key)
  local stream = redis.pcall('XINFO', 'STREAM', key)
  if not stream.err then return stream end
  if string.sub(stream.err, 1, 9) == 'WRONGTYPE' then redis.call('DEL', key) end
end

inspected(KEYS[3])
local stream = inspected(KEYS[1])
if not stream then return seen end
seen[2] = field(stream, 'last-generated-id')
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  if field(group, 'name') == ARGV[1] then
    seen[3] = field(group, 'last-delivered-id')
    seen[4] = redis.call('XPENDING', KEYS[1], ARGV[1])[2] or ''
  end
end
return seen
