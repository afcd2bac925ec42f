-- Shared by the scripts that settle the entries of a consumer.
--
-- KEYS[1]  the stream
-- ARGV[1]  the group     ARGV[2]  the consumer

-- Whether this consumer may settle an entry. Its line of XPENDING; or `true` if the entry is pending nowhere because
-- the stream was trimmed or lost, so that the consumer has the last copy. `false`: another consumer has it, has settled
-- it, or will get it.
local function holds(id)
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  if not pending.err and #pending > 0 then return pending[1][2] == ARGV[2] and pending[1] end
  local there = redis.pcall('XRANGE', KEYS[1], id, id)
  if not there.err then return #there == 0 end
  if string.sub(there.err, 1, 9) ~= 'WRONGTYPE' then error(there) end
  return true
end
