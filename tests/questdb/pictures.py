"""Draws the pictures of docs/analytics.md: runs each query of schema/questdb/queries on a server and draws its rows as SVG.

    python3 tests/questdb/pictures.py URL FOLDER
"""

import json
import pathlib
import sys
import urllib.parse
import urllib.request
from datetime import datetime
from html import escape

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 300, 70, 20, 34, 46
COLOURS = ["#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2"]
# Query: horizontal column, vertical column, column that separates series, kind.
SHAPES = {
    "equity_by_strategy": ("hour", "equity", "strategy", "line"),
    "win_rate_by_hour": ("hour", "win_rate_pct", None, "bars"),
    "slippage_by_symbol_and_size": ("size", "slippage_bps", "symbol", "bars"),
    "signal_to_outcome": ("section", "signals", "strategy_id", "bars"),
    "refusals_by_limit": ("guard", "refused", None, "bars"),
    "recording_coverage": ("hour", "rows", "symbol", "bars"),
    "backtest_against_live": ("strategy_id", "mean_net_pct", "mode", "bars"),
    "anatomy_of_a_pump": ("second", "price", "symbol", "line"),
}


def ask(url, sql):
    sql = "\n".join(line for line in sql.splitlines() if not line.startswith("--")).strip().rstrip(";")
    with urllib.request.urlopen(f"{url}/exec?" + urllib.parse.urlencode({"query": sql})) as answer:
        answer = json.load(answer)
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row)) for row in answer["dataset"]]


def number(value):
    return float(value) if value is not None else 0.0


def label(value):
    text = str(value)
    return text[5:16].replace("T", " ") if text[4:5] == "-" and text[10:11] == "T" else text


def head(title):
    return [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', f'<text x="{LEFT}" y="20" font-weight="bold">{escape(title)}</text>']


def axis(low, high):
    lines = []
    for step in range(5):
        value = low + (high - low) * step / 4
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * step / 4
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#4b5563">{value:,.6g}</text>')
    return lines


def series_of(rows, x, y, by):
    series = {}
    for row in rows:
        series.setdefault(str(row[by]) if by else y, []).append((row[x], number(row[y])))
    return dict(list(series.items())[:len(COLOURS)])


def legend(series):
    if len(series) < 2:
        return []
    return [f'<text x="{WIDTH - RIGHT - 150 * (len(series) - index) + 20}" y="20" fill="{COLOURS[index]}">{escape(name[:20])}</text>'
            for index, name in enumerate(series)]


def draw(title, rows, shape):
    x, y, by, kind = shape
    series, out = series_of(rows, x, y, by), head(title)
    values = [value for points in series.values() for _, value in points]
    if not values:
        return "\n".join(out + [f'<text x="{LEFT}" y="{HEIGHT / 2}" fill="#4b5563">no rows in this example</text>', "</svg>"]) + "\n"
    if kind == "line" and by == "symbol":
        # Prices of different symbols have no common axis: the first one is drawn.
        series = dict(list(series.items())[:1])
        values = [value for points in series.values() for _, value in points]
    low, high = (min(values), max(values)) if kind == "line" else (min(0.0, *values), max(0.0, *values))
    high = high if high > low else low + 1
    out += axis(low, high) + legend(series)
    height = lambda value: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)
    if kind == "line":
        times = [datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp() for points in series.values() for at, _ in points]
        first, last = min(times), max(max(times), min(times) + 1)
        for index, points in enumerate(series.values()):
            path = " ".join(
                f"{LEFT + (WIDTH - LEFT - RIGHT) * (datetime.fromisoformat(at.replace('Z', '+00:00')).timestamp() - first) / (last - first):.1f},{height(value):.1f}"
                for at, value in points)
            out.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[index]}" stroke-width="1.6"/>')
        ends = [points[0][0] for points in series.values()][:1] + [points[-1][0] for points in series.values()][:1]
        for at, anchor, place in zip(ends, ("start", "end"), (LEFT, WIDTH - RIGHT)):
            out.append(f'<text x="{place}" y="{HEIGHT - 24}" text-anchor="{anchor}" fill="#4b5563">{escape(label(at))}</text>')
    else:
        names = list(dict.fromkeys(str(at) for points in series.values() for at, _ in points))[:24]
        slot = (WIDTH - LEFT - RIGHT) / len(names)
        bar = slot * 0.8 / len(series)
        for index, points in enumerate(series.values()):
            for at, value in points:
                if str(at) in names:
                    left = LEFT + slot * (names.index(str(at)) + 0.1) + bar * index
                    top, base = height(max(value, 0.0)), height(min(value, 0.0))
                    out.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{bar:.1f}" height="{max(base - top, 0.5):.1f}" fill="{COLOURS[index]}"/>')
        for place, name in enumerate(names):
            if place % max(1, len(names) // 8) == 0:
                out.append(f'<text x="{LEFT + slot * (place + 0.5):.1f}" y="{HEIGHT - 24}" text-anchor="middle" fill="#4b5563">{escape(label(name))[:18]}</text>')
    out.append(f'<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 6}" text-anchor="middle" fill="#4b5563">{escape(x)} / {escape(y)}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, shape in SHAPES.items():
        rows = ask(url, (ROOT / f"schema/questdb/queries/{name}.sql").read_text())
        (folder / f"{name}.svg").write_text(draw(name.replace("_", " "), rows, shape))
        print(f"{name}: {len(rows)} rows")


main()
