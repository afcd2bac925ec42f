-- FILL. Without an entry: VERIFY, or the admission of a further aggregate.
--
-- KEYS[2]  the entry     KEYS[3]  its lease     KEYS[4..]  entries that this one replaces
-- ARGV[6], ARGV[7]  the snapshot's fence generation and floor
-- ARGV[8]  the row's version, or - if it has none
-- ARGV[9]  1: read from the primary
-- ARGV[10] how long the record must live at least, in ms
-- ARGV[11] the owner of the lease, or -
-- ARGV[12] until when the entry is served, in ms since 1970     ARGV[13] the entry; absent if it is too large

-- The reason for a refusal, or nothing. Updates the record.
local function refused(record)
  local version, from_primary = ARGV[8], ARGV[9] == '1'
  if record.turn ~= ARGV[6] then return 'moved' end
  if needs_primary(record) and not from_primary then return 'replica' end
  if version == '-' then
    if not from_primary then return 'replica' end
    if record.floor ~= ARGV[7] then return 'moved' end
    return nil
  end
  if version < record.floor then return 'old' end
  record.floor, record.alias, record.cold = version, '-', false
  return nil
end

local function store()
  if not ARGV[13] then
    redis.call('DEL', KEYS[2])
  elseif tonumber(ARGV[12]) > now then
    redis.call('SET', KEYS[2], ARGV[13], 'PXAT', ARGV[12])
  end
  if #KEYS > 3 then redis.call('DEL', unpack(KEYS, 4)) end
end

local function release()
  local held = text_of(KEYS[3])
  if held and string.sub(held, 1, 16) == ARGV[11] then redis.call('DEL', KEYS[3]) end
end

local record, suspect = load()
if not record then return answer('lost') end
if suspect then return answer('moved') end
local before = render(record)
local why_not = refused(record)
if why_not then return answer(why_not, record) end
if render(record) ~= before then save(record) end
if KEYS[2] then
  store()
  release()
end
live(tonumber(ARGV[10]))
return answer('ok', record)
