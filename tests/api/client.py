"""The main flow of a user, with nothing but the client that is generated from schema/openapi.json.

    client.py URL USER PASSWORD RECORDING STRATEGY
"""

import json
import sys
import time

from tradingd_client import Client
from tradingd_client.api.login import get_csrf_token, post_api_v1_auth_login
from tradingd_client.api.results import get_results_session_id, get_results_session_id_trades
from tradingd_client.api.sessions import (
    get_sessions_id,
    get_sessions_id_account,
    get_sessions_id_events,
    post_sessions_start,
    post_sessions_stop,
)
from tradingd_client.api.strategies import get_api_strategies, post_api_strategies
from tradingd_client import models

url, username, password, recording, file = sys.argv[1:]
anonymous = Client(base_url=url)

# A typed error: the code is a field of a known type.
wrong = post_api_v1_auth_login.sync(client=anonymous, body=models.Login(username=username, password="not the password"))
assert isinstance(wrong, models.Error) and wrong.error_code == "authentication_failed", wrong

login = post_api_v1_auth_login.sync(client=anonymous, body=models.Login(username=username, password=password))
assert isinstance(login, models.LoginTokensAnswer), login
assert "run_backtest" in login.data.user.permissions, login
bearer = {"Authorization": f"Bearer {login.data.access_token}"}
csrf = get_csrf_token.sync(client=anonymous.with_headers(bearer))
assert isinstance(csrf, models.CsrfTokenAnswer), csrf
client = Client(base_url=url).with_headers({**bearer, "X-CSRF-Token": csrf.data.token})

with open(file, encoding="utf-8") as text:
    document = models.Strategy.from_dict(json.load(text))
document.strategy_name = "of_python"
kept = post_api_strategies.sync(client=client, body=document)
assert isinstance(kept, models.StrategyDetailAnswer) and kept.data.version == 1, kept
strategies = get_api_strategies.sync(client=client, enabled=True)
assert isinstance(strategies, models.StrategyListAnswer), strategies
assert any(one.id == "pump_v2" for one in strategies.data.strategies), strategies


def request(strategy: str, speed: float) -> models.SessionStart:
    return models.SessionStart(
        session_type=models.SessionStartSessionType.BACKTEST,
        selected_strategies=[strategy],
        config=models.SessionConfig(
            session_id=recording,
            acceleration_factor=speed,
            initial_balance=10_000,
            risk=models.SessionConfigRisk.NONE,
        ),
    )


def start(speed: float) -> str:
    started = post_sessions_start.sync(client=client, body=request("of_python", speed))
    assert isinstance(started, models.SessionStartedAnswer), started
    return started.data.session_id


unknown = post_sessions_start.sync(client=client, body=request("nothing", 0))
assert isinstance(unknown, models.Error) and unknown.error_code == "strategy_not_found", unknown
assert unknown.details.problems[0].path == "/selected_strategies/0", unknown

# One that is stopped while it runs.
slow = start(1)
account = get_sessions_id_account.sync(slow, client=client)
assert isinstance(account, models.SessionAccountAnswer) and account.data.balance == 10_000, account
stopped = post_sessions_stop.sync(client=client, body=models.SessionStop(session_id=slow))
assert isinstance(stopped, models.SessionStoppedAnswer), stopped
assert stopped.data.status == models.SessionStoppedStatus.SESSION_STOPPED, stopped

# One that ends by itself.
session = start(0)
ends = time.monotonic() + 120
while True:
    shown = get_sessions_id.sync(session, client=client)
    assert isinstance(shown, models.SessionAnswer) and shown.data.status != models.SessionStatus.FAILED, shown
    if shown.data.status == models.SessionStatus.COMPLETED:
        break
    assert time.monotonic() < ends, shown
    time.sleep(0.02)

# Every kind of event is a class of its own.
events, after, more = [], 0, True
while more:
    part = get_sessions_id_events.sync(session, client=client, after=after, limit=1_000)
    assert isinstance(part, models.SessionEventsAnswer) and part.data.ended, part
    events += part.data.events
    after, more = part.data.next_after, part.data.more
assert isinstance(events[0], models.SessionStartedEvent) and events[0].symbols == ["BTCUSDT"], events[0]
assert isinstance(events[-1], models.SessionCompletedEvent), events[-1]
fills = [event for event in events if isinstance(event, models.FillEvent)]
assert fills and len(fills) == events[-1].fills and fills[0].quantity > 0, events[-1]

result = get_results_session_id.sync(session, client=client)
assert isinstance(result, models.SessionResultAnswer), result
assert result.data.metrics["net_profit"].unit == "quote" and len(result.data.digest) == 64, result
trades = get_results_session_id_trades.sync(session, client=client)
assert isinstance(trades, models.ResultTradesAnswer), trades
assert result.data.no_trade_reason is None and trades.data.trades, trades
conditions = trades.data.trades[0].why.entry.conditions.additional_properties.values()
assert all(condition.met for condition in conditions), trades.data.trades[0]
print(f"the Python client: session {session}, {trades.data.total_count} trades, digest {result.data.digest[:12]}")
