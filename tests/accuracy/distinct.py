#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the error of counting distinct keys, judges it against theory, and
draws it for docs/accuracy.md. scripts/accuracy calls it.

    distinct.py PROGRAM DATA_DIR FIGURE_DIR DOCUMENT [--quick]

DATA_DIR keeps the measurements as CSV; one that is newer than the program is
not made again. Exit status 1: an error is above what is stated.
"""
import csv
import math
import os
import re
import subprocess
import sys

from svg import Chart

# Standard error times sqrt(m), as in hyperloglog.h and ultraloglog.h.
THEORY = {"hll": 1.0389617614136892, "ull": 0.7822359936092456}
NAMES = {"hll": "HyperLogLog", "ull": "UltraLogLog"}

# (sketch, p, trials, keys counted one by one)
RUNS = [("hll", 14, 10000, 1e7), ("ull", 14, 2000, 1e7)] + [
    (sketch, p, 2000 if p < 16 else 500, 1e6) for sketch in ("hll", "ull")
    for p in (4, 6, 8, 10, 12, 16)]


def measure(program, data, sketch, p, trials, counted):
    path = os.path.join(data, "%s-%d-%d.csv" % (sketch, p, trials))
    if not (os.path.exists(path) and
            os.path.getmtime(path) > os.path.getmtime(program)):
        print("%s p %d: %d trials" % (sketch, p, trials), flush=True)
        with open(path + ".part", "wb") as out:
            subprocess.run([program, sketch, str(p), str(trials),
                            "%g" % counted], stdout=out, check=True)
        os.rename(path + ".part", path)
    with open(path, newline="", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name in row:
            if name not in ("sketch", "method"):
                row[name] = float(row[name])
    return rows


def full_error(sketch, p):
    return THEORY[sketch] / math.sqrt(2 ** p)


def in_range(row):
    """Where the registers are not near their highest rank."""
    return row["n"] <= 2 ** (row["p"] + 30)


def large(rows, p):
    """Numbers of keys at which the error has reached its full size."""
    return [row for row in rows if row["n"] >= 30 * 2 ** p and in_range(row)]


def rms_ratio(sketch, p, rows):
    """Root of the mean square over all large numbers of keys, to theory."""
    squares = [row["rms"] ** 2 for row in large(rows, p)]
    return math.sqrt(sum(squares) / len(squares)) / full_error(sketch, p)


def allowed(row, m, trials):
    """Bias and RMS: what is stated and four standard deviations of so many
    trials."""
    if row["stated"] > 1e-4:
        # The answers of few registers are skewed.
        return (row["stated"] * (4 / math.sqrt(trials) + 2 / m),
                row["stated"] * (1 + 4 / math.sqrt(2 * trials) + 2 / m))
    # Sparse: errors are collisions of coupons, each of one key and so rare that
    # they are a Poisson number; the answer leaves out what is unlikely.
    each = (row["stated"] * row["n"]) ** 2
    total = each * trials
    most = total + 4 * math.sqrt(total) + 4
    return ((each + (most - total) / trials) / row["n"],
            math.sqrt(most / trials) / row["n"])


def judge(sketch, p, rows):
    """Sentences on what is worse than it should be."""
    m, trials = 2 ** p, rows[0]["trials"]
    worse = []
    for row in filter(in_range, rows):
        bias, rms = allowed(row, m, trials)
        at = "%s p %d, n %.0f: " % (sketch, p, row["n"])
        if abs(row["bias"]) > bias + 1e-9:
            worse.append(at + "bias %g" % row["bias"])
        if row["rms"] > rms + 1e-9:
            worse.append(at + "rms %g, stated %g" % (row["rms"],
                                                     row["stated"]))
        if row["covered"] < .954 - 4 * math.sqrt(.954 * .046 / trials) - 1 / m:
            worse.append(at + "only %g within the bounds" % row["covered"])
    ratio = rms_ratio(sketch, p, rows)
    if p == 14 and trials >= 10000 and abs(ratio - 1) > 0.02:
        worse.append("%s p 14: rms %g of theory" % (sketch, ratio))
    return worse


def key_ticks(last):
    return [(10 ** k, "10<tspan dy='-5' font-size='9'>%d</tspan>" % k)
            for k in range(0, last + 1)]


def draw_spread(sketch, p, rows, path):
    """The distribution of errors over the number of keys."""
    full = 100 * full_error(sketch, p)
    top = 4 * full
    rows = [row for row in rows if row["method"] == "counted"]
    chart = Chart("%s, p = %d: error of %d trials" %
                  (NAMES[sketch], p, rows[0]["trials"]),
                  "distinct keys", "error, %", (1, 1e7), (-top, top))
    chart.grid(key_ticks(7), [(k * full, "%+.1f" % (k * full) if k else "0")
                              for k in range(-3, 4)])
    for opacity, k in ((.10, 3), (.15, 2), (.25, 1)):
        chart.band([(row["n"], 100 * row["s-%d" % k]) for row in rows],
                   [(row["n"], 100 * row["s%d" % k]) for row in rows],
                   opacity=opacity)
    chart.line([(row["n"], 100 * row["s0"]) for row in rows], name="median")
    chart.line([(row["n"], 100 * row["bias"]) for row in rows], 1, "mean")
    for k in (-3, -2, -1, 1, 2, 3):
        chart.ideal([(1, k * full), (1e7, k * full)])
    chart.write(path)


def draw_rms(sketch, runs, path):
    """Root mean square error in units of theory, for all p."""
    chart = Chart("%s: root mean square error / (%.3f / sqrt(m))" %
                  (NAMES[sketch], THEORY[sketch]),
                  "distinct keys / m", "of theory", (1e-3, 1e3), (0, 1.4))
    chart.grid([(10.0 ** k, "%g" % 10 ** k) for k in range(-3, 4)],
               [(k / 5, "%.1f" % (k / 5)) for k in range(0, 7)])
    for i, (p, rows) in enumerate(sorted(runs.items())):
        pairs = [(row["n"] / 2 ** p, row["rms"] / full_error(sketch, p))
                 for row in rows if 1e-3 <= row["n"] / 2 ** p <= 1e3]
        chart.line(pairs, i, "p %d" % p, 1.4)
    chart.ideal([(1e-3, 1), (1e3, 1)])
    chart.write(path)


def table(results):
    lines = ["| sketch | p | bytes | theory | RMS measured | of theory | "
             "largest bias, of theory | within the bounds, at least | trials |",
             "|---|---|---|---|---|---|---|---|---|"]
    for (sketch, p), rows in sorted(results.items()):
        full = full_error(sketch, p)
        ratio = rms_ratio(sketch, p, rows)
        rows = list(filter(in_range, rows))
        lines.append("| %s | %d | %d | %.3f %% | %.3f %% | %.3f | %.3f | "
                     "%.1f %% | %d |" % (
                         NAMES[sketch], p, 2 ** p, 100 * full,
                         100 * full * ratio, ratio,
                         max(abs(row["bias"]) for row in rows) / full,
                         100 * min(row["covered"] for row in rows),
                         rows[0]["trials"]))
    return "\n".join(lines)


def put_table(document, text):
    """Between the two marks of this family."""
    with open(document, encoding="utf-8") as file:
        old = file.read()
    new, count = re.subn(
        r"(?s)(<!-- distinct -->\n).*?(<!-- /distinct -->)",
        lambda match: match.group(1) + text + "\n" + match.group(2), old)
    if count != 1:
        raise SystemExit("%s has no place for the table" % document)
    with open(document, "w", encoding="utf-8") as file:
        file.write(new)


def main():
    program, data, figures, document = sys.argv[1:5]
    quick = "--quick" in sys.argv[5:]
    results, worse = {}, []
    for sketch, p, trials, counted in RUNS:
        if quick:
            trials, counted = trials // 20, min(counted, 1e6)
        rows = measure(program, data, sketch, p, trials, counted)
        results[sketch, p] = rows
        worse += judge(sketch, p, rows)
    print(table(results))
    for sketch in THEORY:
        if not quick:
            draw_spread(sketch, 14, results[sketch, 14], os.path.join(
                figures, "distinct-%s-14.svg" % sketch))
        draw_rms(sketch, {p: rows for (s, p), rows in results.items()
                          if s == sketch},
                 os.path.join(figures, "distinct-%s-rms.svg" % sketch))
    if not quick:
        put_table(document, table(results))
    print("\n".join(worse) or "all within what is stated")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
