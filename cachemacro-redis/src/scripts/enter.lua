-- ENTER: a missing record is created as unverified. The snapshot that this returns fences a load.
--
-- KEYS[2]  the entry's lease; absent if the record is not that of the entry's first aggregate
-- ARGV[6]  1: from now on every event changes the fence generation
-- ARGV[7]  how long the record must live at least, in ms
-- ARGV[8]  the owner that asks for the lease: 8 digits for the process, 8 for the load
-- ARGV[9]  how long the lease lasts, in ms     ARGV[10] how long the longest lease lasts

-- How long another process holds the lease, or -1. A lease of the asking process is its own, or from an earlier load,
-- which has ended. A lease under another snapshot belongs to a load that will be refused.
local function try_lease(record)
  local owner, snapshot = ARGV[8], record.floor .. '.' .. record.turn
  local held = text_of(KEYS[2])
  if held and string.sub(held, 18) == snapshot and string.sub(held, 1, 8) ~= string.sub(owner, 1, 8) then
    local left, longest = redis.call('PTTL', KEYS[2]), tonumber(ARGV[10])
    if left > longest then
      -- Another process may have longer leases. It renews its lease while it is alive, so the rest can be cut to our
      -- longest.
      redis.call('PEXPIRE', KEYS[2], ARGV[10])
      left = longest
    end
    if left > 0 then return left end
  end
  -- A lease only saves work, so an error is ignored: if memory is full, other commands report it.
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
