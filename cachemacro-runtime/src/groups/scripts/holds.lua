-- Shared by the scripts that settle what a consumer holds.
--
-- KEYS[1]  the stream
-- ARGV[1]  the group     ARGV[2]  the consumer

-- Whether an entry is this consumer's to settle: its line of XPENDING, or `true` where it is on nobody's list because the
-- stream was trimmed or lost, and the consumer's copy is the last. `false`: another has it, has settled it, or will get it.
local function holds(id)
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  if not pending.err and #pending > 0 then return pending[1][2] == ARGV[2] and pending[1] end
  local there = redis.pcall('XRANGE', KEYS[1], id, id)
  if not there.err then return #there == 0 end
  if string.sub(there.err, 1, 9) ~= 'WRONGTYPE' then error(there) end
  return true
end
