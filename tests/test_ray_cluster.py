"""Ray's connection: what its processes are told before they begin."""

import os
import sys
from types import SimpleNamespace

import pytest

from ferdesk.errors import FerdeskError
from ferdesk.ray_cluster import connect, connect_or_begin

PROXIES = {"http_proxy", "https_proxy", "no_proxy"}


class FakeRay:
    """Ray where no cluster runs; keeps the environment in which one was begun."""

    begun_in: dict[str, str]

    def init(self, address: str | None = None, **_: object) -> None:
        if address is not None:
            raise ConnectionError("no cluster runs here")
        self.begun_in = dict(os.environ)


def test_a_cluster_of_this_machine_reports_to_nobody_and_asks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (*PROXIES, "RAY_USAGE_STATS_ENABLED", "RAY_USAGE_STATS_REPORT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.lab.example:3128")
    ray = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", ray)
    connect("auto")
    assert ray.begun_in["RAY_USAGE_STATS_ENABLED"] == "0"
    for name in ("RAY_USAGE_STATS_REPORT_URL", "http_proxy", "https_proxy"):
        assert ray.begun_in[name].startswith("http://127.0.0.1:")
    assert "127.0.0.1" in ray.begun_in["no_proxy"]
    # what this program's own connections need is as it was
    kept = {name: os.environ[name] for name in PROXIES if name in os.environ}
    assert kept == {"https_proxy": "http://proxy.lab.example:3128"}


def test_a_cluster_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=FakeRay().init))
    with pytest.raises(FerdeskError, match=r"answers at 10\.0\.0\.5:6379: no cluster runs"):
        connect("10.0.0.5:6379")


def test_workers_of_a_cluster_that_is_begun_have_their_environment_and_this_program_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FERDESK_THREADS", raising=False)
    ray = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", ray)
    assert connect_or_begin("auto", {"FERDESK_THREADS": "1"}) == (ray, True)
    assert ray.begun_in["FERDESK_THREADS"] == "1"
    assert "FERDESK_THREADS" not in os.environ
    there = SimpleNamespace(init=lambda **_: None)
    monkeypatch.setitem(sys.modules, "ray", there)
    assert connect_or_begin("10.0.0.5:6379", {"FERDESK_THREADS": "1"}) == (there, False)
