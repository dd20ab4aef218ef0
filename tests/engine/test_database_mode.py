"""LiteLLM with its database, as users have it: what it keeps survives whatever we do, and no spend is lost."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests import planted

from .admin import CREDENTIAL, MODEL_KEY, Admin, Kept
from .ends import ended
from .instance import Instance, docker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.engine, pytest.mark.slow(60), pytest.mark.timeout(600)]


START = Path(__file__).parents[2] / "scripts/start"
_WITHIN = 580  # seconds; with the building of the image, on whatever machine


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A stack as scripts/start makes it for a new user: LiteLLM uses the database. Each test finds it healthy."""
    stack = Instance(tmp_path_factory.mktemp("user"), extra={"RUN_CLAUDE_PRISMA": "on"})
    by_default = {name: value for name, value in stack.environment.items() if name != "RUN_CLAUDE_PRISMA"}
    try:
        done = subprocess.run(
            [START],
            env=by_default,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_WITHIN,
            check=False,
        )
        stack.judge(done, done.stdout, done.stderr)
        assert done.returncode == 0, done.stderr
        yield stack
    finally:
        stack.remove()


@pytest.fixture(autouse=True)
def _is_healthy(stack: Instance) -> None:
    """Start what the last test has removed, if it is not the last: `scripts/test --random`."""
    if stack.phase("litellm") == "absent":
        stack.start()


@pytest.fixture(scope="module")
def admin(stack: Instance) -> Iterator[Admin]:
    admin = Admin(stack)
    with admin.client:
        yield admin


LOGIN = "sk-ant-oat01-planted-9b2e41c07d5a"  # of a subscription


@pytest.fixture(scope="module")
def kept(stack: Instance, admin: Admin) -> Kept:
    """One of each thing that LiteLLM keeps, and spend: of a key, of a profile's key, and with a subscription's login.

    All of it at once: LiteLLM writes spend every ten seconds or so.
    """
    kept = admin.make()
    admin.use(kept)
    check_key(stack, admin)
    planted.keep([LOGIN])  # it is looked for in everything that is heard of this stack
    assert admin.ask(kept.key, "stored", login=LOGIN) == 200
    kept.requests += 1
    assert admin.ask(kept.key, "no-such-model", login=LOGIN) != 200
    return kept


def started(stack: Instance, service: str = "litellm") -> str:
    return str(stack.inspect(service)["State"]["StartedAt"])


def test_the_first_start_ends_with_a_database_that_is_used(stack: Instance) -> None:
    assert "Database: used by LiteLLM" in stack.heard[0]


def test_healthy_means_that_the_database_is_used(stack: Instance, admin: Admin) -> None:
    assert admin.call("GET", "/health/readiness")["db"] == "connected"
    assert "used by LiteLLM" in stack.run("proxy", "status").stdout


def test_each_database_holds_its_own(stack: Instance, admin: Admin) -> None:
    told = stack.json("db", "status")
    extensions = {row["name"]: row["timescaledb"] for row in told["databases"]}
    assert extensions["litellm"] is None
    assert extensions["run_claude"]
    homes = {row["database"] for row in told["tables"] if row["table"].startswith("LiteLLM_")}
    assert homes == {"litellm"}


def test_a_stored_secret_is_encrypted(admin: Admin, kept: Kept) -> None:
    tables = ("LiteLLM_CredentialsTable", "LiteLLM_ProxyModelTable")
    stored = "".join(admin.sql(f'TABLE "{table}"') for table in tables)
    assert "vault" in stored
    assert not any(secret in stored for secret in (CREDENTIAL, MODEL_KEY))


def test_a_budget_is_enforced(admin: Admin, kept: Kept) -> None:
    poor = admin.call("POST", "/key/generate", models=["stored"], max_budget=0.01)["key"]
    answered = 0
    while (status := admin.ask(poor, "stored")) == 200:  # LiteLLM counts beside the answers, not in them
        answered += 1
        assert answered < 50
    kept.requests += answered
    assert (bool(answered), status) == (True, 422)


def test_spend_is_written_for_each_request_and_each_day(admin: Admin, kept: Kept) -> None:
    admin.check_spend(kept)


def test_usage_is_what_litellm_has_summed(stack: Instance, admin: Admin, kept: Kept) -> None:
    admin.check_spend(kept)
    told = stack.json("usage", "--by", "model")
    requests = {row["model"]: row["requests"] - row["failed"] for row in told["rows"]}
    assert sum(number for model, number in requests.items() if not model.startswith("demo-")) == kept.requests
    assert told["total"]["input"] > 0
    assert "total" in stack.run("usage", "--by", "day").stdout


def test_the_login_of_a_subscription_is_in_no_table_and_no_log(stack: Instance, admin: Admin, kept: Kept) -> None:
    admin.check_spend(kept)
    for database in ("litellm", "run_claude"):
        assert LOGIN not in docker("exec", stack.container("timescaledb"), "pg_dump", "-U", "postgres", database)
    planted.check_containers(stack.name)


# --- what clients hold ----------------------------------------------------------------------------------------------


def spent_as(admin: Admin, profile: str) -> int:
    """Return how many requests were written as those of a profile's key."""
    rows = """SELECT count(*) FROM "LiteLLM_SpendLogs" logs JOIN "LiteLLM_VerificationToken" keys
        ON keys.token = logs.api_key WHERE keys.key_alias = """
    return int(admin.sql(f"{rows}'run-claude:{profile}'"))


def check_key(stack: Instance, admin: Admin) -> None:
    """Use a profile's key, and wait until LiteLLM has it as one of its own: the first requests may be quicker."""
    key, limit = stack.json("env", "demo")["ANTHROPIC_AUTH_TOKEN"], time.monotonic() + _WITHIN
    headers = {"authorization": f"Bearer {admin.master_key}"}
    while admin.client.get(f"/key/info?key={key}", headers=headers).status_code != 200:
        assert time.monotonic() < limit
        assert admin.ask(key) == 200
        time.sleep(0.2)
    assert admin.ask(key) == 200


def test_a_profiles_spend_is_its_own_keys(admin: Admin, kept: Kept) -> None:
    limit = time.monotonic() + _WITHIN
    while not spent_as(admin, "demo"):  # written within seconds
        assert time.monotonic() < limit
        time.sleep(0.5)


def test_a_clients_key_administrates_nothing(stack: Instance, admin: Admin) -> None:
    headers = {"x-api-key": stack.json("env", "demo")["ANTHROPIC_AUTH_TOKEN"]}
    stolen = {"model": "openai/x", "api_base": "http://192.0.2.1", "api_key": "os.environ/GROQ_API_KEY"}
    body = {"model_name": "stolen", "litellm_params": stolen}
    assert admin.client.post("/model/new", json=body, headers=headers).status_code == 403
    assert admin.client.get("/key/list", headers=headers).status_code == 403
    headers = {"x-api-key": admin.master_key}
    for path in ("/model/new", "/model/update", "/credentials", "/config/pass_through_endpoint"):
        assert admin.client.post(path, json=body, headers=headers).status_code == 403, "nor does anybody with this"


def test_what_the_database_has_of_models_shows(stack: Instance, admin: Admin, kept: Kept) -> None:
    admin.sql(
        """INSERT INTO "LiteLLM_ProxyModelTable"
        (model_id, model_name, litellm_params, model_info, created_by, updated_by)
        VALUES ('planted', 'stolen',
            '{"model": "openai/x", "api_base": "http://192.0.2.1/v1", "api_key": "os.environ/LITELLM_MASTER_KEY"}',
            '{"id": "planted"}', 'mallory', 'mallory')"""
    )
    admin.call("POST", "/model/new", model_name="other", litellm_params={"model": "demo/opus"})  # reads all again
    listed = {row["name"]: row for row in stack.json("models", "list") if row["source"] == "database"}
    assert (listed["stored"]["usable"], listed["stolen"]["usable"]) == (True, False)
    assert listed["stolen"]["address"] == "http://192.0.2.1/v1"
    assert "mallory" in stack.run("models", "list").stdout
    served = {row["id"] for row in admin.call("GET", "/v1/models")["data"]}
    assert "stored" in served
    assert "stolen" not in served
    assert admin.ask(admin.master_key, "stolen") == 400
    told = [row["text"] for row in stack.json("doctor", expect=None)["findings"] if row["check"] == "stored"]
    assert any("model stolen" in text and "is not used" in text for text in told)
    assert any("credential vault" in text for text in told)
    admin.sql("""DELETE FROM "LiteLLM_ProxyModelTable" WHERE model_name IN ('stolen', 'other')""")


# --- stops of ours: the last requests' spend is written before the database goes -----------------------------------
#
# `proxy stop --with-db` has the same order as `--all`: test_clean_stop.py. `proxy restart` leaves the database alone.
# LiteLLM takes 4 s of CPU for each start: the end of `--all` is at this file's end, where nothing is started after it.


def stop_the_database(stack: Instance) -> None:
    stack.run("db", "stop")
    assert stack.phase("litellm") == "running healthy", "the proxy runs on without it"
    stack.run("db", "start")
    assert "used by LiteLLM" in stack.run("proxy", "status").stdout


def an_engine_that_ends(stack: Instance) -> None:
    """It tells both containers at the same moment."""
    docker("stop", stack.container("timescaledb"), stack.container("litellm"))
    stack.start()


def rotate(stack: Instance) -> None:
    stack.run("secrets", "rotate", "--database")


def make_both_anew(stack: Instance) -> None:
    """LiteLLM has ended before the database is told to: Compose alone would stop both at once."""
    before, began = {stack.inspect(service)["Id"] for service in ("timescaledb", "litellm")}, time.time()
    stack.extra |= {"RUN_CLAUDE_TIMESCALEDB_MEMORY": "900m", "RUN_CLAUDE_LITELLM_MEMORY": "1900m"}
    stack.start()
    assert not before & {stack.inspect(service)["Id"] for service in ("timescaledb", "litellm")}
    told = ended(stack, since=began)
    assert told.index("litellm die") < told.index("timescaledb kill")


def destroy_and_restore(stack: Instance) -> None:
    """The restore has a LiteLLM before it that has filled the new volume, and is connected to it."""
    backup = stack.json("db", "destroy", "--yes-destroy-data")["backup"]
    stack.start()
    stack.run("db", "restore", backup, "--yes")
    assert stack.phase("litellm") == "running healthy", "started again by the restore"


@pytest.mark.parametrize("stop", [stop_the_database, an_engine_that_ends, rotate, make_both_anew, destroy_and_restore])
def test_nothing_is_lost(stack: Instance, admin: Admin, kept: Kept, stop: Callable[[Instance], None]) -> None:
    admin.use(kept)
    stop(stack)
    assert admin.spend() == (kept.requests, kept.requests), "written before the database went"
    admin.check(kept)
    check_key(stack, admin)


# --- a database that goes away --------------------------------------------------------------------------------------


def test_a_database_that_was_cut_off_is_mended_itself_and_litellm_runs_on(
    stack: Instance, admin: Admin, kept: Kept
) -> None:
    before = started(stack)
    docker("network", "disconnect", f"{stack.name}-network", stack.container("timescaledb"))
    status = stack.json("proxy", "status")["services"]["timescaledb"]
    assert (status["phase"], status["health_output"]) == ("unhealthy", "it is not connected to its network")
    with stack.start_command("watch", "--json") as watch:
        assert watch.stdout
        told = next(line for line in watch.stdout if '"healed"' in line)
        watch.terminate()
    assert "timescaledb" in told
    admin.wait(kept)
    admin.check(kept)
    assert started(stack) == before, "LiteLLM was not restarted beside it"


# --- its pages ------------------------------------------------------------------------------------------------------


def test_a_key_made_in_its_pages_works(stack: Instance, admin: Admin) -> None:
    """In a real browser, with a login of their own."""
    if not (chromium := shutil.which("chromium")):
        assert not os.environ.get("CI"), "scripts/test installs chromium"
        pytest.skip("no chromium here")
    told = stack.json("ui", "--print")
    lines = (stack.config / ".env").read_text().splitlines()
    password = next(line.partition("=")[2] for line in lines if line.startswith("UI_PASSWORD="))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(120_000)
        page.goto(told["url"])
        page.get_by_placeholder("username").fill(told["username"])
        page.get_by_placeholder("password").fill(password)
        page.locator("button[type=submit]").click()  # beside it is one for single sign-on, greyed out
        page.get_by_role("link", name="Models + Endpoints").click()
        page.get_by_text("demo-opus").first.wait_for()
        page.get_by_role("link", name="Virtual Keys", exact=True).click()
        page.get_by_role("button", name="Create New Key").first.click()
        form = page.get_by_role("dialog")
        form.locator("#key_alias").fill("made-here")
        form.get_by_role("button", name="Create Key", exact=True).click()
        shown = page.get_by_text(re.compile(r"sk-[\w-]{16,}")).first.inner_text()
        browser.close()
    key = re.search(r"sk-[\w-]{16,}", shown)
    assert key
    assert admin.ask(key[0]) == 200


# --- the end --------------------------------------------------------------------------------------------------------


def test_nothing_is_lost_when_everything_is_stopped(stack: Instance, admin: Admin, kept: Kept) -> None:
    admin.use(kept)
    stack.run("proxy", "stop", "--all")
    stack.run("db", "start")
    assert stack.phase("litellm") == "absent", "so nobody writes after the stop"
    assert admin.spend() == (kept.requests, kept.requests)
