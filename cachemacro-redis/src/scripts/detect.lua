-- DETECT: a primary row below the floor of an unmoved record means that the database does not reach that floor.
--
-- ARGV[6], ARGV[7]  the snapshot's fence generation and floor
-- ARGV[8]  the row's version

local record, suspect = load()
if not record or suspect then return answer('no') end
if record.turn ~= ARGV[6] or record.floor ~= ARGV[7] or ARGV[8] >= ARGV[7] then return answer('no', record) end
record = rotated(ZERO, record.rotates)
save_or_drop(record)
return answer('yes', record)
