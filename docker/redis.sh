#!/bin/sh
# Redis with its password from a file: on a command line every process could read it. It carries hints only, which may
# be lost, yet it keeps them: a queue that fills up must be seen to be full, not forget its oldest entries.
set -eu
exec redis-server - <<END
bind * -::*
dir /data
appendonly yes
maxmemory 192mb
maxmemory-policy noeviction
requirepass $(cat /run/secrets/redis_password)
END
