-- XADD, whatever the key holds. A value of another type is deleted. If the ids of a stream are used up, it is written
-- again with new ids, and loses its groups. Returns whether either was needed.
local function append(key, ...)
  local added = redis.pcall('XADD', key, ...)
  if type(added) ~= 'table' then return false end
  local entries = {}
  if string.find(added.err, 'exhausted', 1, true) then
    entries = redis.call('XRANGE', key, '-', '+')
  elseif string.sub(added.err, 1, 9) ~= 'WRONGTYPE' then
    error(added)
  end
  redis.call('DEL', key)
  for _, entry in ipairs(entries) do redis.call('XADD', key, '*', unpack(entry[2])) end
  redis.call('XADD', key, ...)
  return true
end
