# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The parts of `bench/run bridge`; sourced by it.

# Arguments and their defaults.
arguments="ms subscribers idle repeats parts"
ms=1000 subscribers=1000 idle=10000 repeats=5
parts="get events light idle"

centrifugo_version=v6.9.1

# measure PART [name=value]...: a round, within a minute and a half.
measure()
{
    echo "bench: $*" >&2
    timeout 90 build/release/bin/bench_bridge "$1" repeats=1 "ms=$ms" \
        "${@:2}" >>"$dir/figures"
}

# in_turns FUNCTION ARGUMENT...: it with each argument, as often as there are
# rounds, so that a machine which is slower for a while is so for all.
in_turns()
{
    local round who
    for ((round = 0; round < repeats; round++)); do
        for who in "${@:2}"; do
            "$1" "$who"
        done
    done
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
    bridge=$address bridge_pid=$server both=$core_pid,$server
    until curl -fs "http://$bridge/readyz" >/dev/null; do
        kill -0 "$server" || die "the bridge ended"
        read -rt 0.1 <> <(:) || true
    done
}

stop_both()
{
    stop "$bridge_pid" "$core_pid"
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

# get_of WHO
get_of()
{
    case $1 in
    runnel)
        measure get label=runnel_1000 "address=$bridge" "pids=$both" \
            "paths=$dir/paths"
        measure get label=runnel_1000_bridge "address=$bridge" \
            "pids=$bridge_pid" "paths=$dir/paths"
        measure get label=healthz "address=$bridge" "pids=$both" path=/healthz
        measure get label=runnel "address=$bridge" "pids=$both" \
            "path=$(head -n 1 "$dir/paths")"
        ;;
    *)
        measure get "label=$1" "address=${addresses[$1]}" "pids=${peers[$1]}" \
            path=/v1/jobs/1
        ;;
    esac
}

# A small JSON answer: of one job, of a thousand in turn, of the bridge alone.
part_get()
{
    local -A addresses=() peers=()
    local who=(runnel h2o)
    job_file
    serve
    build/release/bin/bench_bridge make "core=$core" count=1000 \
        "out=$dir/paths"
    rm -f "$dir/h2o"
    build/release/bin/bench_h2o "$dir/job.http" >"$dir/h2o" &
    started "$!" "$dir/h2o"
    addresses[h2o]=$address peers[h2o]=$server
    if fastapi_build; then
        fastapi uvloop httptools
        addresses[fastapi_uvloop]=$address peers[fastapi_uvloop]=$server
        fastapi asyncio h11
        addresses[fastapi_h11]=$address peers[fastapi_h11]=$server
        who+=(fastapi_uvloop fastapi_h11)
    fi
    in_turns get_of "${who[@]}"
    stop "${peers[@]}"
    stop_both
}

# events LABEL ADDRESS PIDS [name=value]...: saturated with 16 events on their
# way and with one, and ten events a second.
events()
{
    local window
    for window in 16 1; do
        measure events "label=$1_$window" "address=$2" "pids=$3" \
            "connections=$subscribers" "window=$window" "${@:4}"
    done
    measure events "label=$1_paced" "address=$2" "pids=$3" \
        "connections=$subscribers" rate=10 "${@:4}" ms=$((2 * ms))
}

# events_of WHO
events_of()
{
    local at=${addresses[$1]:-} pid=${peers[$1]:-}
    case $1 in
    runnel)
        events runnel "$bridge" "$both" "core=$core" path=/v1/jobs/JOB/events
        ;;
    nchan) events nchan "$at" "$pid" path=/events post=/publish ;;
    centrifugo)
        events centrifugo "$at" "$pid" \
            "path=/connection/uni_sse?cf_connect=$centrifugo_connect" \
            post=/api/publish \
            'body={"channel":"bench","data":{"text":"@"}}' \
            "header=X-API-Key: bench"
        ;;
    fastapi) events fastapi "$at" "$pid" path=/events post=/publish ;;
    esac
}

part_events()
{
    local -A addresses=() peers=()
    job_file
    serve
    nchan && addresses[nchan]=$address peers[nchan]=$server
    centrifugo && addresses[centrifugo]=$address peers[centrifugo]=$server
    if fastapi_build; then
        fastapi uvloop httptools
        addresses[fastapi]=$address peers[fastapi]=$server
    fi
    in_turns events_of runnel "${!peers[@]}"
    stop "${peers[@]}"
    stop_both
}

# One process of nginx, which keeps what it is given in its memory.
nchan()
{
    local module=/usr/lib/nginx/modules/ngx_nchan_module.so port
    [ -e $module ] || apt-get install -y --no-install-recommends nginx \
        libnginx-mod-nchan >"$out/nchan.log" 2>&1 || {
        echo "bench: nginx with nchan is not installed: left out" >&2
        return 1
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
}

centrifugo_build()
{
    centrifugo_bin=$out/go/centrifugo
    [ ! -x "$centrifugo_bin" ] || return 0
    command -v go >/dev/null &&
        timeout 900 env "GOBIN=$PWD/$out/go" go install \
            "github.com/centrifugal/centrifugo/v6@$centrifugo_version" \
            >"$out/centrifugo.log" 2>&1 || {
        echo "bench: Centrifugo cannot be built: left out" >&2
        return 1
    }
}

# What a subscriber asks for: {"subs":{"bench":{}}}.
centrifugo_connect='%7B%22subs%22%3A%7B%22bench%22%3A%7B%7D%7D%7D'

centrifugo()
{
    local port
    centrifugo_build || return 1
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
    GOMAXPROCS=1 "$centrifugo_bin" -c "$dir/centrifugo.json" &
    server=$! address=127.0.0.1:$port
    pids+=("$server")
    await_http /health
}

# A chunk every 2 ms to one subscriber, and to a watcher at the core.
part_light()
{
    serve
    measure light label=light "address=$bridge" "core=$core" ms=2 count=1000 \
        path=/v1/jobs/JOB/events
    stop_both
}

part_idle()
{
    serve
    measure idle label=runnel "address=$bridge" "core=$core" "pids=$both" \
        "connections=$idle" path=/v1/jobs/JOB/events
    stop_both
}
