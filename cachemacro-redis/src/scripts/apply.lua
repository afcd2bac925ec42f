-- BUMP, NEXT, RESTORE and ROLLBACK.
--
-- ARGV[6]  bump, next, restore or rollback
-- ARGV[7]  the version: of the bump, of the restore, or the one that the rollback returned to
-- ARGV[8]  restore: the version whose content it has; rollback: the version after ARGV[7]; else -

local function raise(record, alias)
  local version = ARGV[7]
  if version == ZERO and record.floor == ZERO then
    -- The floor 0 of a new record does not exclude rows of version 0 that were read before this event.
    record.turn = TURN
    return true
  end
  if version <= record.floor then return false end
  record.floor, record.alias = version, alias
  return true
end

local function roll_back(record)
  local to, after = ARGV[7], ARGV[8]
  local kept = {}
  for _, mark in ipairs(record.marks) do
    if mark.from <= to then table.insert(kept, mark) end
  end
  if #kept >= MAX_MARKS then return rotated(to, record.rotates) end
  table.insert(kept, { from = after, id = MARK })
  record.marks, record.turn, record.floor, record.alias = kept, MARK, to, '-'
  record.cold, record.young = true, now + LAG
  return record
end

local record, suspect = load()
if not record then return answer('absent') end
if suspect then record = confirmed(record) end
local moved, what = true, ARGV[6]
if what == 'bump' then
  moved = raise(record, '-')
elseif what == 'next' then
  record = rotated(record.floor, record.rotates)
elseif what == 'restore' then
  moved = raise(record, record.rotates and '-' or ARGV[8])
else
  record = roll_back(record)
end
-- NEXT has changed the fence generation already.
if record.rotates and what ~= 'next' then
  record.turn, moved = TURN, true
end
if not moved and not suspect then return answer('duplicate', record) end
save_or_drop(record)
return answer('moved', record)
