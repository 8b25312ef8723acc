# SPDX-License-Identifier: Apache-2.0
"""Figures of a benchmark: a table for people, a line of JSON each for machines, and whether each is within its bar."""

import json
import os
import statistics


class Results:
    def __init__(self, bench, path):
        self.bench = bench
        self.path = path
        self.rows = []
        os.makedirs(os.path.dirname(path), exist_ok=True)

    def figure(self, case, metric, values, unit, peer="", bar=None, least=None):
        """A measured figure: the median of its values. @bar: the largest median that is good, @least: the smallest."""
        self._row(case, metric, peer, statistics.median(values), unit, len(values), min(values), max(values), bar, None, least)

    def ratio(self, case, metric, ours, theirs, peer, bar=None, interval_bar=None, least=None):
        """
        dompool / peer of interleaved runs: the median of the pairs' ratios; min and max are those of the pairs. @bar is for the median,
        @interval_bar for the upper end of its confidence interval (by the sign test's order statistics, 94 % or more: for 5 pairs that is the
        largest ratio). @least: the smallest median that is good, for what is to be large.
        """
        ratios = sorted(a / b for a, b in zip(ours, theirs))
        self._row(case, metric, peer, statistics.median(ratios), "ratio", len(ratios), ratios[0], ratios[-1], bar,
                  (interval_bar, upper_end(ratios)) if interval_bar else None, least)

    def _row(self, case, metric, peer, value, unit, n, low, high, bar, interval, least):
        row = {"bench": self.bench, "case": case, "metric": metric, "peer": peer, "value": value, "unit": unit, "n": n, "min": low, "max": high}
        with open(self.path, "a") as f:
            f.write(json.dumps(row) + "\n")
        good = (bar is None or value <= bar) and (interval is None or interval[1] < interval[0]) and (least is None or value >= least)
        verdict = "" if bar is None and interval is None and least is None else ("ok" if good else "NOT within")
        limits = (f"<= {bar:g}" if bar is not None else "", f"interval < {interval[0]:g}" if interval else "",
                  f">= {least:g}" if least is not None else "")
        limit = ", ".join(t for t in limits if t)
        self.rows.append((row, verdict, limit, good))

    def finish(self):
        """Prints the table; the number of figures that are not within their bars."""
        print(f"\n{self.bench:<10} {'case':<14} {'metric':<22} {'value':>12} {'unit':<8} {'n':>2} {'min':>12} {'max':>12}  bar")
        for r, verdict, limit, _ in self.rows:
            name = r["metric"] + (f" / {r['peer']}" if r["peer"] and r["unit"] == "ratio" else "")
            who = r["peer"] if r["peer"] and r["unit"] != "ratio" else ""
            print(f"{who:<10} {r['case']:<14} {name:<22} {r['value']:>12.3f} {r['unit']:<8} {r['n']:>2} {r['min']:>12.3f} {r['max']:>12.3f}  "
                  f"{limit} {verdict}")
        return sum(not good for *_, good in self.rows)


def upper_end(ratios):
    """
    Upper end of a confidence interval of the median of at least 93 %: the order statistic that the sign test gives. With 5 values the
    largest (93.75 %), with 8 the second largest, with 10 the second largest.
    """
    n = len(ratios)
    k, tail, total = 0, 0, 2 ** n
    choose = 1
    while True:
        tail += choose
        if 2 * tail / total > 0.07:
            break
        choose = choose * (n - k) // (k + 1)
        k += 1
    return sorted(ratios)[n - max(k, 1)]
