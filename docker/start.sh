#!/bin/sh
# Gives a worker the tokens that all workers of its cluster share, then becomes that worker, so that signals reach it.
# SHARED_TOKENS: a folder that all of them reach; without it the worker makes tokens of its own.
set -eu
if [ -n "${SHARED_TOKENS:-}" ]; then
  umask 077
  data=".potoroo/$POTOROO_WORKER"
  mkdir -p "$SHARED_TOKENS" "$data"
  # The store of a cluster is made in a folder that is there: with the tokens, for good.
  if [ -n "${POTOROO_STORE:-}" ] && [ ! -e "$SHARED_TOKENS/read.token" ]; then mkdir -p "$POTOROO_STORE"; fi
  for name in cluster admin read; do
    token="$SHARED_TOKENS/$name.token"
    if [ ! -e "$token" ]; then
      node -p "crypto.randomBytes(32).toString('base64url')" > "$token.$POTOROO_WORKER"
      # Of several workers that make one, the first has made it.
      ln "$token.$POTOROO_WORKER" "$token" 2> /dev/null || true
      rm "$token.$POTOROO_WORKER"
    fi
  done
  cp "$SHARED_TOKENS/admin.token" "$SHARED_TOKENS/read.token" "$data/"
  export POTOROO_CLUSTER_TOKEN_FILE="$SHARED_TOKENS/cluster.token"
fi
exec potoroo "$@"
