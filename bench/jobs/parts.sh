# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The parts of `bench/run jobs`; sourced by it.

# Arguments and their defaults.
arguments="count jobs queued watchers repeats parts"
count=100000 jobs=1000000 queued=100000 watchers=10000 repeats=3
parts="rpc cycles delta catchup scale"

# peer NAME [PACKAGE]: whether a peer's program is there, installing it if that
# can be.
peer()
{
    command -v "$1" >/dev/null && return
    apt-get install -y --no-install-recommends "${2:-$1}" \
        >"$out/$1.log" 2>&1 && command -v "$1" >/dev/null && return
    echo "bench: $1 is not installed: left out" >&2
    return 1
}

# serve DURABILITY [OPTION...]: starts runneld; sets address and server.
serve()
{
    rm -rf "$out/data" "$dir/address"
    build/release/bin/runneld --listen 127.0.0.1:0 --durability "$1" \
        --data "$out/data" --log-level error --port-file "$dir/address" \
        "${@:2}" &
    started "$!" "$dir/address"
}

stop_server()
{
    kill "$server"
    wait "$server" || true
}

# measure PART [name=value]...
measure()
{
    echo "bench: $*" >&2
    build/release/bin/bench_jobs "$@" "address=$address" "pid=$server" \
        "repeats=$repeats" >>"$dir/figures"
}

# gRPC C++, with the messages of proto/; made by Debian's own tools.
grpc_build()
{
    local made=$out/grpc
    peer grpc_cpp_plugin protobuf-compiler-grpc || return
    pkg-config --exists grpc++ || apt-get install -y --no-install-recommends \
        libgrpc++-dev >"$out/grpc.log" 2>&1 || {
        echo "bench: libgrpc++-dev is not installed: left out" >&2
        return 1
    }
    grpc=$made/bench_grpc
    [ ! "$grpc" -nt bench/jobs/grpc_peer.cc ] || return 0
    mkdir -p "$made"
    protoc -I proto --cpp_out="$made" --grpc_out="$made" \
        --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" \
        proto/runnel/v1/jobs.proto proto/runnel/v1/frame.proto
    read -ra flags < <(pkg-config --cflags --libs grpc++ protobuf)
    g++ -O2 -std=c++17 -I"$made" bench/jobs/grpc_peer.cc \
        "$made"/runnel/v1/*.cc -o "$grpc" "${flags[@]}"
}

# grpcio: its server; bench_grpc is its client too.
grpcio_build()
{
    python=$out/grpcio/bin/python
    "$python" -c 'import grpc_tools' 2>/dev/null || {
        python3 -m venv "$out/grpcio" && "$python" -m pip install -q \
            --disable-pip-version-check grpcio grpcio-tools
    } || {
        echo "bench: grpcio cannot be installed: left out" >&2
        return 1
    }
    mkdir -p "$out/grpcio/stubs"
    "$python" -m grpc_tools.protoc -I proto \
        --python_out="$out/grpcio/stubs" --grpc_python_out="$out/grpcio/stubs" \
        proto/runnel/v1/jobs.proto proto/runnel/v1/frame.proto
}

# grpc_measure PART LABEL CONNECTIONS IN_FLIGHT COUNT
grpc_measure()
{
    echo "bench: $*" >&2
    timeout 120 "$grpc" "$1" "$2" "$address" "$server" "$3" "$4" "$5" \
        "$repeats" >>"$dir/figures"
}

rpc_peer()
{
    grpc_measure unary "$1_one" 1 64 "$2"
    grpc_measure unary "$1_64" 64 1 "$2"
    if [ "$1" = grpc ]; then
        address=unix:$dir/grpc.sock
        grpc_measure unary "$1_unix" 64 1 "$2"
        address=${addresses[$1]}
    fi
    grpc_measure stream "$1_stream" 1 8 0
}

# Messages of each of the 8 streams; 3 are states.
stream_messages=20000

rpc_runnel()
{
    measure unary label=runnel_one "count=$count" "path=$dir/answer"
    measure unary label=runnel_64 "count=$count" connections=64 \
        in_flight=1 "path=$dir/answer"
    address=unix:$dir/core.sock
    measure unary label=runnel_unix "count=$count" connections=64 \
        in_flight=1 "path=$dir/answer"
    address=${addresses[runnel]}
    measure stream label=runnel_stream "count=$stream_messages" \
        in_flight=8
}

# Servers of gRPC; each sets address and server.
rpc_serve_grpc()
{
    grpc_build || return 1
    rm -f "$dir/grpc"
    "$grpc" server "$dir/answer" $((stream_messages + 3)) "$dir/grpc.sock" \
        >"$dir/grpc" &
    started "$!" "$dir/grpc"
}

rpc_serve_grpcio()
{
    grpcio_build || return 1
    rm -f "$dir/grpcio"
    "$python" bench/jobs/grpc_peer.py "$out/grpcio/stubs" "$dir/answer" \
        $((stream_messages / 10)) >"$dir/grpcio" &
    started "$!" "$dir/grpcio"
}

# rpc_of WHO: a round.
rpc_of()
{
    address=${addresses[$1]} server=${servers[$1]}
    case $1 in
    runnel) rpc_runnel ;;
    grpc) rpc_peer grpc $((count / 4)) ;;
    grpcio) rpc_peer grpcio $((count / 40)) ;;
    esac
}

# Unary calls and server streaming beside gRPC C++ and grpcio; in rounds, as
# cycles.
part_rpc()
{
    local -A addresses=() servers=()
    local who round rounds=$repeats repeats=1
    serve memory --unix-socket "$dir/core.sock"
    addresses[runnel]=$address servers[runnel]=$server
    # What the others are to answer.
    build/release/bin/bench_jobs unary label=answer count=1 \
        "path=$dir/answer" "address=$address" >"$dir/said"
    if rpc_serve_grpc; then
        addresses[grpc]=$address servers[grpc]=$server
        if rpc_serve_grpcio; then
            addresses[grpcio]=$address servers[grpcio]=$server
        fi
    fi
    for ((round = 0; round < rounds; round++)); do
        for who in "${!servers[@]}"; do
            rpc_of "$who"
        done
    done
    for server in "${servers[@]}"; do
        stop_server
    done
}

# Jobs made and done, 64 at once and 512, as durable as each can be; in rounds, so
# that a machine which is slower for a while is so for all.
part_cycles()
{
    local round rounds=$repeats repeats=1
    for ((round = 0; round < rounds; round++)); do
        cycles_runnel memory
        cycles_runnel normal
        cycles_beanstalkd
        cycles_redis everysec
        cycles_redis always
        cycles_runnel full
        cycles_sqlite
    done
}

# cycles_runnel DURABILITY
cycles_runnel()
{
    local flight
    for flight in 64 512; do
        serve "$1"
        measure cycles "label=runnel_$1_$flight" "in_flight=$flight" \
            "count=$((count / 10))"
        stop_server
    done
}

cycles_beanstalkd()
{
    local flight port
    peer beanstalkd || return 0
    for flight in 64 512; do
        port=$(free_port)
        rm -rf "$out/binlog-$flight"
        mkdir -p "$out/binlog-$flight"
        beanstalkd -l 127.0.0.1 -p "$port" -b "$out/binlog-$flight" &
        server=$! address=127.0.0.1:$port
        pids+=("$server")
        until (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
            kill -0 "$server" || die "beanstalkd ended"
            read -rt 0.1 <> <(:) || true
        done
        measure beanstalkd "label=beanstalkd_$flight" \
            "in_flight=$flight" "count=$((count / 10))"
        stop_server
    done
}

# cycles_redis APPENDFSYNC
cycles_redis()
{
    local flight port
    peer redis-server || return 0
    for flight in 64 512; do
        port=$(free_port)
        rm -rf "$out/redis-$1-$flight" "$dir/redis"
        mkdir -p "$out/redis-$1-$flight"
        redis-server --port "$port" --bind 127.0.0.1 --save '' \
            --appendonly yes --appendfsync "$1" \
            --dir "$out/redis-$1-$flight" --pidfile "$dir/redis" \
            >"$dir/redis.log" &
        server=$! address=127.0.0.1:$port
        pids+=("$server")
        await "$dir/redis" "$server"
        measure redis "label=redis_$1_$flight" "in_flight=$flight" \
            "count=$((count / 10))"
        stop_server
    done
}

cycles_sqlite()
{
    local flight
    for flight in 64 512; do
        echo "bench: sqlite in_flight=$flight" >&2
        build/release/bin/bench_jobs sqlite "label=sqlite_full_$flight" \
            "in_flight=$flight" "count=$((count / 10))" "repeats=$repeats" \
            "path=$out/floor.db" >>"$dir/figures"
        rm -f "$out"/floor.db*
    done
}

# A worker's chunks to one watcher, and to a thousand.
part_delta()
{
    local level
    for level in memory normal; do
        serve "$level"
        measure delta "label=delta_$level" "count=$count"
        measure fanout "label=fanout_$level" "count=$((count / 500))"
        stop_server
    done
}

# A subscriber that comes when a million chunks are there.
part_catchup()
{
    serve normal
    measure catchup label=catchup "count=$((count * 10))" "path=$out/raw"
    stop_server
}

# What operations cost from a hundred stored jobs to a million, and the memory
# of many that wait and are watched.
part_scale()
{
    serve normal --max-jobs $((jobs + queued + 1000000))
    echo "bench: scale jobs=$jobs queued=$queued watchers=$watchers" >&2
    build/release/bin/bench_scale "core=$address" "pid=$server" \
        "jobs=$jobs" "queued=$queued" "watchers=$watchers" |
        tee -a "$dir/figures"
    stop_server
}
