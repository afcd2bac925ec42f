-- BUMP, NEXT, RESTORE and ROLLBACK.
--
-- ARGV[6]  bump, next, restore or rollback
-- ARGV[7]  the version: reached, restored, or gone back to
-- ARGV[8]  restore: whose content it has; rollback: the version after ARGV[7]; else -

local function raise(record, alias)
  local version = ARGV[7]
  if version == ZERO and record.floor == ZERO then
    -- A new record's floor says nothing of version 0: what was read before this event may be older than it.
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
-- NEXT has made a turn already.
if record.rotates and what ~= 'next' then
  record.turn, moved = TURN, true
end
if not moved and not suspect then return answer('duplicate', record) end
save_or_drop(record)
return answer('moved', record)
