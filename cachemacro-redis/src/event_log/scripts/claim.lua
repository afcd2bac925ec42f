-- CLAIM: takes over the entries of consumers that were silent. Returns the position to continue from, the entries with
-- their delivery counts, and how many entries the stream had trimmed.
--
-- KEYS[1]  the stream
-- ARGV[1]  the group     ARGV[2]  the consumer     ARGV[3]  silent for how many ms
-- ARGV[4]  from where    ARGV[5]  how many

local reply = redis.pcall('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
if reply.err then
  -- The reader will find that the group is missing, and create it again.
  if string.find(reply.err, 'NOGROUP') then return { '0-0', {}, 0 } end
  return redis.error_reply(reply.err)
end
local claimed = {}
for _, entry in ipairs(reply[2]) do
  if entry then
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)
    table.insert(claimed, { entry[1], entry[2], pending[1] and pending[1][4] or 1 })
  end
end
return { reply[1], claimed, reply[3] and #reply[3] or 0 }
