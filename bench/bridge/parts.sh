# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The parts of `bench/run bridge`; sourced by it.

# Arguments and their defaults.
arguments="ms subscribers idle repeats parts"
ms=1000 subscribers=1000 idle=10000 repeats=3
parts="get events light idle"

centrifugo_version=v6.9.1

# measure PART [name=value]...: within a minute and a half.
measure()
{
    echo "bench: $*" >&2
    timeout 90 build/release/bin/bench_bridge "$1" "repeats=$repeats" \
        "ms=$ms" "${@:2}" >>"$dir/figures"
}

stop()
{
    local pid
    for pid in "$@"; do
        kill "$pid"
        wait "$pid" 2>/dev/null || true
    done
}

# A core and a bridge: core is the address of the one, address that of the
# other, both their processes.
serve()
{
    rm -f "$dir"/core "$dir"/bridge
    build/release/bin/runneld --listen 127.0.0.1:0 --durability memory \
        --log-level error --port-file "$dir/core" &
    started "$!" "$dir/core"
    core=$address core_pid=$server
    build/release/bin/runnel-bridge --listen 127.0.0.1:0 --core "$core" \
        --log-level error --web-root "" --max-connections 20000 \
        --port-file "$dir/bridge" &
    started "$!" "$dir/bridge"
    both=$core_pid,$server
    until curl -fs "http://$address/readyz" >/dev/null; do
        kill -0 "$server" || die "the bridge ended"
        read -rt 0.1 <> <(:) || true
    done
}

stop_both()
{
    stop "$server" "$core_pid"
}

fastapi_build()
{
    python=$out/bridge/bin/python
    "$python" -c 'import fastapi, uvicorn, uvloop, httptools, h11' \
        2>/dev/null || {
        python3 -m venv "$out/bridge" &&
            "$python" -m pip install -q --disable-pip-version-check \
                fastapi uvicorn uvloop httptools h11
    } || {
        echo "bench: FastAPI cannot be installed: left out" >&2
        return 1
    }
}

# fastapi LOOP HTTP
fastapi()
{
    rm -f "$dir/fastapi"
    "$python" bench/bridge/fastapi_peer.py "$dir/job.json" "$1" "$2" \
        >"$dir/fastapi" &
    started "$!" "$dir/fastapi"
    await_http /v1/jobs/1
}

# await_http PATH: until the server answers there.
await_http()
{
    local left=100
    until curl -s -o "$dir/answer" "http://$address$1"; do
        kill -0 "$server" || die "a server ended at its start"
        [ $((left--)) -gt 0 ] || die "a server does not answer in 10 s"
        read -rt 0.1 <> <(:) || true
    done
}

# What a GET of a job answers, for the peers to answer the same.
job_file()
{
    [ ! -s "$dir/job.json" ] || return 0
    serve
    build/release/bin/bench_bridge make "core=$core" count=1 "out=$dir/one"
    curl -fs "http://$address$(cat "$dir/one")" >"$dir/job.json"
    curl -fsi "http://$address$(cat "$dir/one")" >"$dir/job.http"
    stop_both
}

# A small JSON answer: of one job, of a thousand in turn, of the bridge alone.
part_get()
{
    job_file
    serve
    build/release/bin/bench_bridge make "core=$core" count=1000 \
        "out=$dir/paths"
    measure get label=runnel "address=$address" "pids=$both" \
        "path=$(head -n 1 "$dir/paths")"
    measure get label=runnel_1000 "address=$address" "pids=$both" \
        "paths=$dir/paths"
    measure get label=runnel_1000_bridge "address=$address" "pids=$server" \
        "paths=$dir/paths"
    measure get label=healthz "address=$address" "pids=$both" path=/healthz
    stop_both
    rm -f "$dir/h2o"
    build/release/bin/bench_h2o "$dir/job.http" >"$dir/h2o" &
    started "$!" "$dir/h2o"
    measure get label=h2o "address=$address" "pids=$server" path=/v1/jobs/1
    stop "$server"
    fastapi_build || return 0
    get_fastapi fastapi_uvloop uvloop httptools
    get_fastapi fastapi_h11 asyncio h11
}

# get_fastapi LABEL LOOP HTTP
get_fastapi()
{
    fastapi "$2" "$3"
    measure get "label=$1" "address=$address" "pids=$server" path=/v1/jobs/1
    stop "$server"
}

# events LABEL PIDS [name=value]...: saturated with 16 events on their way and
# with one, and ten events a second.
events()
{
    local window
    for window in 16 1; do
        measure events "label=$1_$window" "address=$address" "pids=$2" \
            "connections=$subscribers" "window=$window" "${@:3}"
    done
    measure events "label=$1_paced" "address=$address" "pids=$2" \
        "connections=$subscribers" rate=10 "${@:3}" ms=$((4 * ms))
}

part_events()
{
    job_file
    serve
    events runnel "$both" "core=$core" path=/v1/jobs/JOB/events
    stop_both
    events_nchan
    events_centrifugo
    fastapi_build || return 0
    fastapi uvloop httptools
    events fastapi "$server" path=/events post=/publish
    stop "$server"
}

free_port()
{
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# One process of nginx, which keeps what it is given in its memory.
events_nchan()
{
    local module=/usr/lib/nginx/modules/ngx_nchan_module.so port
    [ -e $module ] || apt-get install -y --no-install-recommends nginx \
        libnginx-mod-nchan >"$out/nchan.log" 2>&1 || {
        echo "bench: nginx with nchan is not installed: left out" >&2
        return 0
    }
    port=$(free_port)
    mkdir -p "$dir/nginx"
    cat >"$dir/nginx.conf" <<EOF
load_module $module;
daemon off;
master_process off;
pid $dir/nginx/pid;
error_log stderr error;
events { worker_connections 20000; }
http {
    access_log off;
    client_body_temp_path $dir/nginx/body;
    proxy_temp_path $dir/nginx/proxy;
    fastcgi_temp_path $dir/nginx/fastcgi;
    uwsgi_temp_path $dir/nginx/uwsgi;
    scgi_temp_path $dir/nginx/scgi;
    keepalive_requests 100000000;
    nchan_max_reserved_memory 256m;
    server {
        listen 127.0.0.1:$port backlog=4096;
        location = /events {
            nchan_subscriber eventsource;
            nchan_channel_id bench;
            nchan_subscriber_first_message newest;
        }
        location = /publish {
            nchan_publisher;
            nchan_channel_id bench;
            nchan_message_buffer_length 1024;
        }
    }
}
EOF
    nginx -c "$dir/nginx.conf" -p "$dir/nginx" &
    server=$! address=127.0.0.1:$port
    pids+=("$server")
    await_http /publish
    events nchan "$server" path=/events post=/publish
    stop "$server"
}

centrifugo_build()
{
    centrifugo=$out/go/centrifugo
    [ ! -x "$centrifugo" ] || return 0
    command -v go >/dev/null &&
        timeout 900 env "GOBIN=$PWD/$out/go" go install \
            "github.com/centrifugal/centrifugo/v6@$centrifugo_version" \
            >"$out/centrifugo.log" 2>&1 || {
        echo "bench: Centrifugo cannot be built: left out" >&2
        return 1
    }
}

events_centrifugo()
{
    local port connect
    centrifugo_build || return 0
    port=$(free_port)
    cat >"$dir/centrifugo.json" <<EOF
{
  "http_server": {"address": "127.0.0.1", "port": "$port"},
  "log": {"level": "error"},
  "http_api": {"key": "bench"},
  "uni_sse": {"enabled": true},
  "health": {"enabled": true},
  "client": {"allow_anonymous_connect_without_token": true},
  "channel": {"without_namespace": {
    "allow_subscribe_for_client": true,
    "allow_subscribe_for_anonymous": true
  }}
}
EOF
    GOMAXPROCS=1 "$centrifugo" -c "$dir/centrifugo.json" &
    server=$! address=127.0.0.1:$port
    pids+=("$server")
    await_http /health
    connect='%7B%22subs%22%3A%7B%22bench%22%3A%7B%7D%7D%7D'
    events centrifugo "$server" "path=/connection/uni_sse?cf_connect=$connect" \
        post=/api/publish 'body={"channel":"bench","data":{"text":"@"}}' \
        "header=X-API-Key: bench"
    stop "$server"
}

# A chunk every 2 ms to one subscriber, and to a watcher at the core.
part_light()
{
    serve
    measure light label=light "address=$address" "core=$core" ms=2 count=1000 \
        path=/v1/jobs/JOB/events
    stop_both
}

part_idle()
{
    serve
    measure idle label=runnel "address=$address" "core=$core" "pids=$both" \
        "connections=$idle" path=/v1/jobs/JOB/events
    stop_both
}
