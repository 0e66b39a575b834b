#!/bin/sh
# PostgreSQL as its own user from the first moment, with its password from a file and no other way in. The image's
# entrypoint starts as root, which a container without capabilities cannot be.
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
export PGDATA=/var/lib/postgresql/data/bpkd

if [ ! -d "$PGDATA" ]; then
  rm -rf "$PGDATA.new"
  initdb --pgdata "$PGDATA.new" --username bpkd --pwfile /run/secrets/postgres_password --auth scram-sha-256 \
    --encoding UTF8 --locale C
  echo "host all all all scram-sha-256" >>"$PGDATA.new/pg_hba.conf"
  echo "CREATE DATABASE bpkd" | postgres --single -D "$PGDATA.new" postgres
  mv "$PGDATA.new" "$PGDATA"
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
