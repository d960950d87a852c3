#!/bin/bash
# Does what the Dockerfile does where no container engine is at hand: builds and installs in clean folders, puts what runs into
# a root directory of its own with nothing else in it, and runs three workers there as the compose file does.
# Needs root, unshare and ldd; NODE names the node to put in, which is otherwise the one of this checkout.
set -eu
repository=$(cd "$(dirname "$0")/.." && pwd)
node=$(readlink -f "${NODE:-$repository/node_modules/node/bin/node}")
chroot=$(command -v chroot)
work=$(mktemp -d)
pids=()
end() {
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2> /dev/null || true; done
  rm -rf "$work"
}
trap end EXIT
say() { printf '%s\n' "$*"; }

# ── What is built and installed ──────────────────────────────────────────────────────────────────────────────────────────
export PATH="$(dirname "$node"):$PATH"
mkdir "$work/src" "$work/app" "$work/packed"
(cd "$repository" && cp -r package.json package-lock.json .npmrc tsconfig.json build.ts src pipelines docs README.md LICENSE "$work/src")
cd "$work/src"
npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --silent
npm run --silent build
npm pack --ignore-scripts --silent --pack-destination "$work/packed" > /dev/null
cd "$work/app"
npm install --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund --silent "$work"/packed/potoroo-*.tgz
rm -r node_modules/potoroo/src/*/
say "installed: $(du -sh "$work/app" | cut -f1), without $(du -h "$node" | cut -f1) of Node"

# ── The root directory ───────────────────────────────────────────────────────────────────────────────────────────────────
root="$work/root"
mkdir -p "$root"/{bin,usr/local/bin,srv/.potoroo,shared,pipelines,tmp,dev,proc,etc}
put() { # a program and the libraries that it needs
  cp "$1" "$root/$2"
  ldd "$1" 2> /dev/null | grep -o '/[^ )]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done
}
put "$node" usr/local/bin/node
for program in sh mkdir cp ln rm env; do put "$(command -v $program)" "bin/$program"; done
cp -r "$work/app" "$root/app"
cp "$repository/docker/start.sh" "$root/usr/local/bin/potoroo-start"
ln -s /app/node_modules/potoroo/src/launch.js "$root/usr/local/bin/potoroo"
mkdir -p "$root/usr/bin" && cp "$root/bin/env" "$root/usr/bin/env"
cp "$repository"/docker/pipelines/*.ts "$root/pipelines"
printf 'node:x:1000:1000::/srv:/bin/sh\n' > "$root/etc/passwd"
printf '127.0.0.1 localhost\n' > "$root/etc/hosts"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/urandom" c 1 9
chown -R 1000:1000 "$root/srv" "$root/shared"

# In the root directory, as the user of the image, with the image's environment; the shell that runs it becomes the program.
inside() {
  exec unshare -m --mount-proc="$root/proc" env -i PATH=/usr/local/bin:/bin:/usr/bin NODE_ENV=production \
    POTOROO_LOG_FORMAT=json "${environment[@]}" "$chroot" --userspec=1000:1000 "$root" /bin/sh -c 'cd /srv && exec "$@"' sh "$@"
}
port=$((20000 + $$ % 10000))

environment=()
for n in 1 2 3; do
  (
    environment=(SHARED_TOKENS=/shared/tokens POTOROO_STORE=/shared/store POTOROO_JOURNALS=/shared/journals POTOROO_EXPECTED=3
      POTOROO_WORKER=w$n POTOROO_LISTEN=127.0.0.1:$((port + n)) POTOROO_CONTROL_PORT=$((port + 10 + n)) POTOROO_SHARE_PORTS=true)
    inside potoroo-start worker
  ) > "$work/w$n.out" 2> "$work/w$n.log" &
  pids+=($!)
done
tell() { (inside potoroo "$@"); }
health() { # the image's health check, of worker $1
  (environment=(POTOROO_CONTROL_PORT=$((port + 10 + $1))) && inside node -e "$(grep -o 'fetch(`[^"]*' "$repository/docker/Dockerfile")")
}
wait_for() { # until the rest succeeds, for half a minute
  for _ in $(seq 60); do "$@" > /dev/null 2>&1 && return; sleep 0.5; done
  say "not within 30 s: $*"
  tail -n 5 "$work"/w?.log
  exit 1
}

# ── What is tried ────────────────────────────────────────────────────────────────────────────────────────────────────────
for n in 1 2 3; do wait_for health $n; done
say "three workers are healthy, as user $(stat -c %u "$root/srv/.potoroo/w1")"
wait_for tell submit /pipelines/word-count.ts
wait_for bash -c "printf 'to be or not to be\n' > /dev/tcp/127.0.0.1/7001"
wait_for tell query word-count count be
say "a submitted pipeline counts: be $(tell query word-count count be 2> /dev/null)"
token=$(cat "$root/shared/tokens/read.token")
wait_for curl -sf -H "authorization: Bearer $token" "http://127.0.0.1:$((port + 12))/metrics"
say "metrics are answered to the shared token"
kill -TERM "${pids[@]}"
for pid in "${pids[@]}"; do wait "$pid" && say "SIGTERM: status 0" || { say "SIGTERM: status $?"; exit 1; }; done
pids=()
say "holds"
