#!/bin/sh
# Runs before everything else, with no network: makes the secrets that are not there yet, each once and for good, and
# lets the users of the stores' images write to their volumes.
set -eu
cd /run/secrets

random() {
  head -c 20 /dev/urandom | base32 | tr '[:upper:]' '[:lower:]'
}

keep() {
  [ -s "$1" ] || { printf %s "$2" >".$1" && mv ".$1" "$1"; }
}

keep postgres_password "$(random)"
keep redis_password "$(random)"
keep bpkd_database_url "postgresql://bpkd:$(cat postgres_password)@postgres/bpkd"
keep bpkd_redis_url "redis://:$(cat redis_password)@redis:6379/0"
keep bpkd_s3_access_key_id "$(random)"
keep bpkd_s3_secret_access_key "$(random)"
keep grafana_password "$(random)"
keep bpkd_first_key "bpkd_$(random)"
chmod 1777 /volumes/*
