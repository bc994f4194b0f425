# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The parts of `bench/run ingest`, which sources this file.

# Arguments and their defaults.
arguments="events peer_events repeats parts"
events=10000000 peer_events=500000 repeats=5
parts="floor engine flat threads wire durable redis python datasketches"

flights=${RUNNEL_FLIGHTS:-build/flights/flights.csv}

# measure PART [name=value]...: adds its figures.
measure()
{
    echo "bench: $*" >&2
    build/release/bin/bench_ingest "$@" >>"$dir/figures"
}

part_floor()
{
    measure floor "events=$events" "repeats=$repeats"
}

part_engine()
{
    measure engine "events=$events" "repeats=$repeats"
    measure engine "events=$events" "repeats=$repeats" label=batch_of_1000 \
        batch=1000
    measure engine "events=$events" "repeats=$repeats" label=uniform skew=0
    [ ! -s "$flights" ] || {
        measure floor "events=$events" "repeats=$repeats" label=flights \
            "file=$flights"
        measure engine "events=$events" "repeats=$repeats" label=flights \
            "file=$flights"
    }
}

# Flat from a thousand events to a hundred million, from one stream to a
# thousand, and from one window to eight.
part_flat()
{
    local n
    for n in 1000 100000 100000000; do
        measure engine "events=$n" "label=events_$n" \
            "repeats=$((n > 1000000 ? 1 : repeats))"
    done
    for n in 10 100 1000; do
        measure engine "events=$events" "streams=$n" "label=streams_$n" \
            repeats=3
    done
    for n in 1 8; do
        measure engine "events=$events" "windows=$n" "label=windows_$n" \
            repeats=3
    done
}

# serve THREADS [LEVEL]: starts runneld, with a new file if it keeps anything;
# sets server and address.
serve()
{
    rm -rf "$dir/runneld" "$out/data"
    build/release/bin/runneld --listen 127.0.0.1:0 \
        --durability "${2:-memory}" --data "$out/data" \
        --log-level error --threads "$1" \
        --port-file "$dir/runneld" &
    started "$!" "$dir/runneld"
}

# One thread and two, in turn: the ratio is what counts.
part_threads()
{
    local n streams
    for streams in 1 8; do
        for n in 1 2; do
            measure threads "events=$events" "repeats=$repeats" "threads=$n" \
                "streams=$streams" "label=streams_${streams}_threads_$n"
        done
    done
    for n in 1 2; do
        serve "$n"
        measure wire "events=$events" "repeats=$repeats" "pid=$server" \
            streams=8 "label=threads_$n" "address=$address"
        kill "$server"
        wait "$server" || true
    done
}

part_wire()
{
    serve 1
    measure wire "events=$events" "repeats=$repeats" "pid=$server" \
        "address=$address"
}

# What it costs to keep events, against memory alone and against a file that
# the same bytes are appended to; on the disk of build/bench.
part_durable()
{
    measure save "events=$events"
    local level append=$PWD/$out/append
    mkdir -p "$append"
    echo "bench: append" >&2
    (cd "$append" && "$OLDPWD/build/release/bin/bench_ingest" append \
        "events=$events" "repeats=$repeats" label=keep) >>"$dir/figures"
    for level in memory normal full; do
        serve 1 "$level"
        measure wire "events=$events" "repeats=$repeats" "pid=$server" \
            "label=keep_$level" "address=$address"
        kill "$server"
        wait "$server" || true
    done
    rm -rf "$append" "$out/data"
}

part_redis()
{
    command -v redis-server >/dev/null || {
        echo "bench: redis-server is not installed: left out" >&2
        return
    }
    local port=$((20000 + RANDOM % 20000))
    redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no \
        --daemonize no --pidfile "$dir/redis" >"$dir/redis.log" &
    local pid=$!
    pids+=("$pid")
    await "$dir/redis" "$pid"
    measure redis "events=$peer_events" "repeats=$repeats" "pid=$pid" \
        "address=127.0.0.1:$port"
}

peer_file()
{
    [ -s "$dir/events" ] || build/release/bin/bench_ingest dump \
        "events=$peer_events" "out=$dir/events"
}

part_python()
{
    peer_file
    echo "bench: the asyncio pipeline" >&2
    python3 bench/ingest/pipeline.py "$dir/events" 3 >>"$dir/figures"
}

part_datasketches()
{
    peer_file
    local python=$out/venv/bin/python
    "$python" -c 'import datasketches' 2>/dev/null || {
        python3 -m venv "$out/venv" &&
            "$python" -m pip install -q --disable-pip-version-check \
                datasketches
    } || {
        echo "bench: datasketches cannot be installed: left out" >&2
        return
    }
    echo "bench: Apache DataSketches" >&2
    "$python" bench/ingest/datasketches_peer.py "$dir/events" "$repeats" \
        >>"$dir/figures"
}
