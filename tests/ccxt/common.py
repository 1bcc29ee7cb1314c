"""What the checks share: the control port, comparisons, and a ccxt client whose hosts are the rehearsal exchange."""

import json
import sys
import time
import urllib.request

REST, CONTROL, KEY, SECRET = sys.argv[1:]
SYMBOL = "BTC/USDT:USDT"
complaints = []


def control(path, body=None):
    request = urllib.request.Request(CONTROL + path, data=None if body is None else body.encode(), method="POST" if body is not None else "GET")
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def fault(**fields):
    control("/fault", json.dumps(fields))


def market():
    return next(market for market in control("/truth")["markets"] if market["symbol"] == "BTC_USDT")


def account():
    return control("/truth")["accounts"][0]


def check(is_right, what):
    print("ok  " if is_right else "FAIL", what)
    if not is_right:
        complaints.append(what)


def equal(ours, truth, what):
    check(ours == truth, f"{what}: {ours!r}" + ("" if ours == truth else f" is not {truth!r}"))


def until(condition, what):
    """Waits until `condition()` is true and returns its value; a timeout is recorded as a difference."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    check(False, f"{what} did not happen")
    return None


def client(kind):
    """A client of class `kind`; the paths stay."""
    exchange = kind({
        "apiKey": KEY,
        "secret": SECRET,
        "options": {"defaultType": "swap", "adjustForTimeDifference": False},
    })
    exchange.urls["api"] = {
        "spot": {"public": REST, "private": REST},
        "contract": {"public": f"{REST}/api/v1/contract", "private": f"{REST}/api/v1/private"},
        "ws": {"swap": REST.replace("http", "ws") + "/edge"},
    }
    # Currencies come from the spot API, which the rehearsal exchange does not have.
    exchange.has["fetchCurrencies"] = False
    return exchange


# The check before this one may have left the replay at rest.
control("/resume", "")


def end():
    if complaints:
        sys.exit(f"{len(complaints)} complaints:\n" + "\n".join(complaints))
