-- The clock of the server that keeps KEYS[1], in microseconds since 1970.

local clock = redis.call('TIME')
return clock[1] * 1000000 + clock[2]
