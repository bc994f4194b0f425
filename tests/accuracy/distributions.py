#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the error of quantiles and of the variance, judges it against what
is stated, and draws it for docs/accuracy.md. scripts/accuracy calls it.

    distributions.py PROGRAM DATA_DIR FIGURE_DIR DOCUMENT [--quick]

Exit status 1: an error is above what is stated.
"""
import csv
import math
import os
import re
import subprocess
import sys

from svg import Chart

# RNL_HISTOGRAM_ERROR.
STATED = 0.0054152
# (values, trials)
RUNS = [(100, 2000), (10000, 200), (1000000, 10)]
VARIANCE_VALUES = 1000000
DRAWN = "lognormal"


def measure(program, data, *arguments):
    path = os.path.join(data, "distributions-%s.csv" % "-".join(arguments))
    if not (os.path.exists(path) and
            os.path.getmtime(path) > os.path.getmtime(program)):
        print(" ".join(arguments), flush=True)
        with open(path + ".part", "wb") as out:
            subprocess.run([program, *arguments], stdout=out, check=True)
        os.rename(path + ".part", path)
    with open(path, newline="", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name in row:
            if name != "kind":
                row[name] = float(row[name])
    return rows


def judge_quantiles(rows):
    return ["%s, %d values, q %g: error %g" %
            (row["kind"], row["values"], row["q"], row["worst"])
            for row in rows if not row["worst"] <= STATED]


def judge_variance(rows):
    return ["values around %g: variance off by %g" % (row["away"], row["ours"])
            for row in rows if not row["ours"] <= 2 * 2.0 ** -52]


def table(rows):
    """Largest error of all ranks, a row a kind, a column a number of values."""
    found = {}
    for row in rows:
        if row["q"] == -1:
            found.setdefault(row["kind"], {})[row["values"]] = row
    counts = sorted({row["values"] for row in rows})
    lines = ["| values | %s | bytes |" % " | ".join(
        "largest error of %s values" % "{:,}".format(int(n)) for n in counts),
        "|---" * (len(counts) + 2) + "|"]
    for kind, by_count in found.items():
        lines.append("| %s | %s | %s |" % (
            kind,
            " | ".join("%.4f %%" % (100 * by_count[n]["worst"])
                       for n in counts),
            "{:,}".format(int(by_count[counts[-1]]["bytes"]))))
    return "\n".join(lines)


def variance_table(rows):
    lines = ["| mean / deviation | Runnel | Welford | sums of squares |",
             "|---|---|---|---|"]
    for row in rows:
        lines.append("| 10^%d | %.1e | %.1e | %.1e |" % (
            round(math.log10(row["away"])), row["ours"], row["welford"],
            row["squares"]))
    return "\n".join(lines)


def odds(q):
    """Spreads out both ends of 0 to 1, for a logarithmic axis."""
    return q / (1 - q)


def draw_quantiles(rows, path):
    # Of few values, a quantile moves about in its bin from trial to trial.
    count = min(row["values"] for row in rows)
    trials = max(row["trials"] for row in rows if row["values"] == count)
    chart = Chart("Log histogram: %s trials of %d lognormal values" %
                  ("{:,}".format(int(trials)), count), "quantile, %",
                  "relative error, %", (odds(0.005), odds(0.995)), (0, 0.7))
    chart.grid([(odds(q / 100), "%g" % q)
                for q in (0.5, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5)],
               [(k / 10, "%.1f" % (k / 10)) for k in range(0, 8)])
    for i, (column, shown) in enumerate((("worst", "largest"),
                                         ("mean", "mean"))):
        chart.line([(odds(row["q"]), 100 * row[column]) for row in rows
                    if row["kind"] == DRAWN and row["values"] == count
                    and 0 < row["q"] < 1], i, shown, 1.4)
    chart.ideal([(odds(0.005), 100 * STATED), (odds(0.995), 100 * STATED)])
    chart.write(path)


def draw_variance(rows, path):
    chart = Chart("Variance of values far from zero", "mean / deviation",
                  "relative error", (1, 1e12), (-18, 2))
    chart.grid([(10.0 ** k, "10<tspan dy='-5' font-size='9'>%d</tspan>" % k)
                for k in range(0, 13, 2)],
               [(k, "1e%d" % k) for k in range(-18, 3, 4)])
    for i, (name, shown) in enumerate((("ours", "Runnel"),
                                       ("welford", "Welford"),
                                       ("squares", "squares"))):
        chart.line([(row["away"], math.log10(max(row[name], 1e-18)))
                    for row in rows], i, shown)
    chart.write(path)


def put(document, family, text):
    """Between the two marks of that name."""
    with open(document, encoding="utf-8") as file:
        old = file.read()
    new, count = re.subn(
        r"(?s)(<!-- %s -->\n).*?(<!-- /%s -->)" % (family, family),
        lambda match: match.group(1) + text + "\n" + match.group(2), old)
    if count != 1:
        raise SystemExit("%s has no place for %s" % (document, family))
    with open(document, "w", encoding="utf-8") as file:
        file.write(new)


def main():
    program, data, figures, document = sys.argv[1:5]
    quick = "--quick" in sys.argv[5:]
    rows = []
    for values, trials in RUNS:
        rows += measure(program, data, "quantiles", str(values),
                        str(max(trials // 20, 1) if quick else trials))
    variances = measure(program, data, "variance", str(VARIANCE_VALUES))
    worse = judge_quantiles(rows) + judge_variance(variances)
    print(table(rows), variance_table(variances), sep="\n\n")
    draw_quantiles(rows, os.path.join(figures, "distributions-quantiles.svg"))
    draw_variance(variances,
                  os.path.join(figures, "distributions-variance.svg"))
    if not quick:
        put(document, "distributions", table(rows))
        put(document, "variance", variance_table(variances))
    print("\n".join(worse) or "all within what is stated")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
