-- ENTER: what is absent is created, cold. A load is fenced with what this returns.
--
-- KEYS[2]  the entry's lease; absent where the record is not that of the entry's first aggregate
-- ARGV[6]  1: from now on every event is a turn
-- ARGV[7]  how long the record must live at least, in ms
-- ARGV[8]  who asks for the lease: 8 digits of the process, 8 of the load
-- ARGV[9]  how long the lease lasts, in ms     ARGV[10] how long the longest does

-- How long another process will load this, or -1. A lease of this process is the asker's own, or an earlier load's, which is
-- over; and one under another snapshot is of a load that will be refused.
local function try_lease(record)
  local owner, snapshot = ARGV[8], record.floor .. '.' .. record.turn
  local held = text_of(KEYS[2])
  if held and string.sub(held, 18) == snapshot and string.sub(held, 1, 8) ~= string.sub(owner, 1, 8) then
    local left, longest = redis.call('PTTL', KEYS[2]), tonumber(ARGV[10])
    if left > longest then
      -- A process whose leases last longer renews it, if it is alive. Nobody else waits longer than for one of ours.
      redis.call('PEXPIRE', KEYS[2], ARGV[10])
      left = longest
    end
    if left > 0 then return left end
  end
  -- It saves work, no more: that memory is full is for others to say.
  redis.pcall('SET', KEYS[2], owner .. ' ' .. snapshot, 'PX', ARGV[9])
  return -1
end

local record, suspect = load()
local changed = suspect or not record
if not record then
  record = rotated(ZERO, false)
elseif suspect then
  record = confirmed(record)
end
if ARGV[6] == '1' and not record.rotates then
  record.rotates, changed = true, true
end
if changed then save(record) end
live(tonumber(ARGV[7]))
return { now_us, needs_primary(record) and 'primary' or 'any', render(record), KEYS[2] and try_lease(record) or -1 }
