-- LOOK: which life of the stream it is, the id of its last entry, and how far the group is: the id it was given last, and the
-- oldest one that is not settled. Empty where there is none.
--
-- KEYS[1]  the stream     KEYS[2]  its head: `life number`
-- ARGV[1]  the group

local function field(line, name)
  for at = 1, #line, 2 do
    if line[at] == name then return line[at + 1] end
  end
end

local seen = { string.match(redis.call('GET', KEYS[2]) or '', '^%x+') or '', '', '', '' }
local stream = redis.pcall('XINFO', 'STREAM', KEYS[1])
if stream.err then return seen end
seen[2] = field(stream, 'last-generated-id')
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  if field(group, 'name') == ARGV[1] then
    seen[3] = field(group, 'last-delivered-id')
    seen[4] = redis.call('XPENDING', KEYS[1], ARGV[1])[2] or ''
  end
end
return seen
