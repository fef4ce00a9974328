"""The ``gateway`` command: what it prints, how it ends, and what it says of settings that are wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import stat
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.dictionary import dictionary
from gateway.opening import open_catalog
from gateway.settings import Settings
from schema.classification import Classification
from tests.houses import Systems
from tests.serving import serving, write_settings

ROOT = Path(__file__).parent.parent
Run = Callable[..., Result]


@pytest.fixture
def run(files: Systems, tmp_path: Path) -> Run:
    """Runs a command over the demo's systems, with a state of its own."""
    config = write_settings(files, tmp_path)

    def command(*arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, ["--config", str(config), *arguments], input=stdin, env=files.services)

    return command


# Wrong settings

WRONG = {
    "an unknown key": ("[server]\nprot = 1\n", "server: there is no setting prot"),
    "an unknown table": ("[servers]\nport = 1\n", "there is no setting servers"),
    "text for a number": ('[server]\nport = "x"\n', "server.port: Expected `int`, got `str`"),
    "no TOML": ("server = [", "Invalid value"),
    "a variable nobody set": ('state = "${NOBODY_SET_THIS}"\n', "the variable NOBODY_SET_THIS is not set"),
    "a department there is not": ('departments = ["nothing"]\n', "departments: there is no module nothing"),
    "a module that declares nothing": ('departments = ["json"]\n', "departments: json has no `declared"),
    "no addresses": ("", "sources: no address for banks, bessi, board"),
    "a ledger of another kind": ('[ledger]\nurl = "mysql://127.0.0.1/x"\n', "ledger.url: write sqlite:///path or"),
    "an issuer without keys": ('[auth.issuers.nadra]\naudience = "x"\n', "auth.issuers.nadra: give key_file or jwks"),
    "an issuer's key that is not there": (
        '[auth.issuers.nadra]\naudience = "x"\nkey_file = "none.pem"\n',
        "auth.issuers.nadra.key_file: No such file or directory",
    ),
    "an issuer's key that is none": (
        '[auth.issuers.nadra]\naudience = "x"\nkey_file = "gateway.toml"\n',
        "auth.issuers.nadra.key_file: no PEM public key",
    ),
    "a day that is none": (
        '[auth.api_keys.app]\ndigest = "0"\nsubject = "app"\nroles = []\nexpires = "soon"\n',
        "auth.api_keys.app.expires: a moment looks like",
    ),
}
IN_DEMO = {"a ledger of another kind", "an issuer without keys", "an issuer's key that is not there",
           "an issuer's key that is none", "a day that is none"}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_serve_says_what_is_wrong_with_the_settings_and_ends_with_2(
    what: str, files: Systems, tmp_path: Path
) -> None:
    text, message = WRONG[what]
    if what in IN_DEMO:
        config = write_settings(files, tmp_path)
        kept = config.read_text()
        if what == "a ledger of another kind":
            kept = kept.replace("[ledger]", "").replace('url = "sqlite', '#"', 1).replace("heads =", "#")
        config.write_text(f"{kept}\n{text}")
    else:
        config = tmp_path / "gateway.toml"
        config.write_text(text)
    done = CliRunner().invoke(main, ["--config", str(config), "serve", "--port", "0"], env=files.services)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stderr.count("\n") == 1, "one line, no trace"
    assert done.stdout == ""


@pytest.mark.parametrize("command", [["sdl"], ["dictionary"], ["check"], ["explain", "-"]])
def test_every_command_says_it(command: list[str], tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('departments = ["nothing"]\n')
    done = CliRunner().invoke(main, ["--config", str(config), *command], input="{ __typename }")
    assert (done.exit_code, done.stderr) == (2, "departments: there is no module nothing\n")


def test_a_settings_file_that_is_not_there_is_named() -> None:
    done = CliRunner().invoke(main, ["--config", "nowhere.toml", "check"])
    assert (done.exit_code, done.stderr) == (2, "nowhere.toml: No such file or directory\n")


def test_a_port_that_is_taken_is_named(files: Systems, tmp_path: Path) -> None:
    with serving(files, tmp_path) as one:
        done = one.command("serve", "--port", str(one.place[1]))
        assert done.returncode == 2
        assert "Address already in use; choose another with --host or --port" in done.stderr


# check


def test_check_counts_what_is_declared(run: Run) -> None:
    done = run("check")
    assert (done.exit_code, done.stdout) == (0, "6 departments, 18 sources, 69 records\n")


def test_check_live_ends_with_1_and_names_what_a_source_has_not(files: Systems, tmp_path: Path) -> None:
    moved = Systems(tmp_path / "moved", dict.fromkeys(files.services, "http://127.0.0.1:9"))
    moved.folder.mkdir()
    for name in ("rtsm.key", "fabs.password", "bpay.password", "bessi.key"):
        (moved.folder / name).write_text((files.folder / name).read_text())
    config = write_settings(moved, tmp_path)
    done = CliRunner().invoke(main, ["--config", str(config), "check", "--live"], env=moved.services)
    assert done.exit_code == 1
    assert "is the source up and its address right?" in done.stderr
    assert "problems found in the sources" in done.stdout
    assert "Traceback" not in done.output


# explain


def test_explain_prints_a_plan_and_asks_nobody(run: Run) -> None:
    done = run("explain", "-", stdin='{ school(code: "KEC-00001") { name district { name } } }')
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("[0] fetch education.School from emis.institutions (education) at school\n")
    assert "KEC-00001" not in done.stdout, "a plan shows no value"


def test_explain_run_tells_what_each_step_read_and_stands_in_the_ledger(run: Run) -> None:
    asked = '{ schools(where: {district: {division: {eq: "Makran"}}}, first: 3) { nodes { code district { name } } } }'
    done = run("explain", "-", "--run", stdin=asked)
    assert done.exit_code == 0, done.output
    assert "keys first: for the filter through School.district" in done.stdout
    assert "    read: 3 rows in 1 call\n" in done.stdout, "the division's districts, and the page of schools"
    assert done.stdout.count("    read: ") == 3
    assert "Makran" not in done.stdout
    (entry,) = run("ledger", "show").stdout.splitlines()
    assert json.loads(entry)["messageUserId"] == "anonymous"
    assert json.loads(entry)["rows"] == {"finance.District": 4, "education.School": 3}


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["-"], "{ nothing }", "Cannot query field 'nothing'"),
        (["-", "--variables", "{"], "{ __typename }", "--variables: "),
        (["-", "--variables", "[]"], "{ __typename }", "--variables: write a JSON object"),
        (["-", "--role", "auditor", "--attribute", "district"], "{ __typename }", "write name=value"),
    ],
)
def test_explain_says_what_is_wrong(arguments: list[str], stdin: str, message: str, run: Run) -> None:
    done = run("explain", *arguments, stdin=stdin)
    assert done.exit_code == 2
    assert message in done.stderr


# sdl and dictionary


def test_sdl_is_the_snapshot(run: Run) -> None:
    assert run("sdl").stdout == (ROOT / "schema.graphql").read_text()


def test_the_dictionary_says_the_same_in_every_form(run: Run) -> None:
    as_json = json.loads(run("dictionary", "--format", "json").stdout)
    as_csv = list(csv.DictReader(io.StringIO(run("dictionary", "--format", "csv").stdout)))
    as_md = run("dictionary").stdout
    assert [{**row, "access": "; ".join(row["access"])} for row in as_json] == [
        {name: _typed(name, value) for name, value in row.items()} for row in as_csv
    ]
    rows = [line for line in as_md.splitlines() if line.startswith("| ") and not line.startswith("| Field")]
    assert len(rows) == len(as_json)
    for row, line in zip(as_json, rows, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[0] == row["coordinate"].split(".")[1]
        assert cells[3] == row["classification"]
        assert cells[5] == row["owner"]


def _typed(name: str, value: str) -> object:
    return value == "True" if name in ("personal", "sensitive") else value


@pytest.mark.parametrize("form", ["md", "csv", "json"])
def test_the_dictionary_never_lists_what_is_secret(form: str) -> None:
    catalog = open_catalog(Settings())
    teacher = catalog.records["education.Teacher"]
    hidden = replace(teacher.fields["posted_since"], classification=Classification.SECRET)
    fields, named = {**teacher.fields, "posted_since": hidden}, {**teacher.by_api_name, "postedSince": hidden}
    records = {**catalog.records, teacher.name: replace(teacher, fields=fields, by_api_name=named)}
    assert "postedSince" in dictionary(catalog, form)
    assert "postedSince" not in dictionary(replace(catalog, records=records), form)


# token


def test_a_token_is_signed_with_a_key_only_its_owner_may_read(run: Run, tmp_path: Path) -> None:
    first = run("token", "--role", "auditor", "--subject", "a", "--attribute", "district=KEC", "--ttl", "60")
    path = tmp_path / "state" / "demo.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = path.read_bytes()
    assert run("token", "--role", "public").exit_code == 0
    assert path.read_bytes() == kept
    claims = jwt.decode(first.stdout.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["roles"], claims["attributes"]) == ("a", ["auditor"], {"district": "KEC"})
    assert claims["exp"] - claims["iat"] == 60


def test_a_token_needs_a_role_there_is(run: Run) -> None:
    assert run("token").exit_code == 2
    done = run("token", "--role", "king")
    assert done.exit_code == 2
    assert "'king' is not one of" in done.stderr
    assert run("token", "--role", "centre_head").exit_code == 0, "a department's own"


def test_an_api_key_is_shown_once_and_let_in_by_the_settings_printed_with_it(
    files: Systems, tmp_path: Path, run: Run
) -> None:
    made = run("token", "--api-key", "--role", "app", "--subject", "school-app", "--attribute", "a=b", "--ttl", "3600")
    assert made.exit_code == 0, made.output
    key = made.stdout.splitlines()[0].rsplit(" ", 1)[-1]
    told = tomllib.loads(made.stdout)["auth"]["api_keys"]["school-app"]
    assert (told["subject"], told["roles"], told["attributes"]) == ("school-app", ["app"], {"a": "b"})
    assert key not in str(told)
    assert not any(key in path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert stat.S_IMODE(os.stat(tmp_path / "state" / "api-keys.pepper").st_mode) == 0o600
    with serving(files, tmp_path, made.stdout) as one:
        reply = one.ask("{ __typename }", x_api_key=key)
        assert (reply.status, reply.codes) == (200, [])
        assert one.ask("{ __typename }", x_api_key=key[:-1]).status == 401
        assert one.ask("{ __typename }", x_api_key=told["digest"]).status == 401
        shown = one.command("ledger", "show", "--limit", "1").stdout
        assert json.loads(shown)["messageUserId"] == "school-app"


def test_an_api_key_cannot_act_for_another(run: Run) -> None:
    done = run("token", "--api-key", "--role", "app", "--act-for", "minister")
    assert (done.exit_code, "for tokens" in done.stderr) == (2, True)


# ledger


def test_ledger_verify_finds_a_changed_entry(files: Systems, tmp_path: Path) -> None:
    with serving(files, tmp_path) as one:
        for _ in range(3):
            one.ask("{ __typename }")
        assert one.command("ledger", "verify").returncode == 0
        shown = one.command("ledger", "show", "--after", "1", "--limit", "2").stdout.splitlines()
        assert [json.loads(line)["seq"] for line in shown] == [2, 3]
    store = sqlite3.connect(tmp_path / "state" / "ledger.sqlite")
    with store:
        store.execute("UPDATE ledger SET body = replace(body, 'anonymous', 'somebody') WHERE seq = 2")
    store.close()
    done = one.command("ledger", "verify")
    assert done.returncode == 1
    assert "2" in done.stdout
