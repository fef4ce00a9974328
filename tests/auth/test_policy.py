"""What rules decide, without a row: one small department whose rules overlap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth.access import Access
from auth.decisions import Decision, State
from auth.policy import Policy
from auth.principal import ANONYMOUS, Principal
from schema.catalog import Declared
from schema.classification import confidential, open_, restricted
from schema.declare import column, many, one, record
from schema.errors import Code
from schema.predicates import FALSE, TRUE, And, Attribute, Compare, Or, principal, row
from schema.resolve import resolve
from schema.rules import Rule, allow, allow_totals, grant
from schema.sources import SQL, Department, Source
from tests.houses import person

works = Department("works", "Works Department", "Secretary Works", contact="Quetta")
register = Source("register", "works", "sql", "Register", SQL, owner="Registrar")


@record(register, "roads", key="code", size=10, persons=False)
class Road:
    """A road."""

    code: str = column("code", open_)
    district: str | None = column("dist", open_)
    contractor: str | None = column("ctr", restricted)
    bribe: str | None = column("brb", confidential, personal=True)
    crews = many("works.Crew", on="road_code")


@record(register, "crew", key="code", size=10, persons=True)
class Crew:
    """A member of a crew."""

    code: str = column("code", restricted)
    road_code: str | None = column("road", confidential)
    name: str | None = column("nm", restricted, personal=True)
    road = one("works.Road", on="road_code", classification=open_)


def access(who: Principal, *rules: Rule) -> Access:
    return Policy(resolve([Declared(works, (Road, Crew), rules)])).access(who)


def decision(field: str, who: Principal, *rules: Rule) -> Decision:
    return access(who, *rules).record("works.Road").fields[field]


HERE = Compare("district", "eq", Attribute("district"))
OFFICER = person("district_officer", district="KEC")
PUBLIC = allow("public", Road, up_to=open_)
OWN = allow("district_officer", Road, up_to=restricted, where=row.district == principal.district)


def test_without_a_rule_everything_is_refused() -> None:
    told = access(OFFICER).record("works.Road")
    assert not told.allowed
    assert all(each.state is State.REFUSED for each in (*told.fields.values(), *told.links.values()))
    assert told.totals == ()


def test_public_rules_apply_to_everyone() -> None:
    for who in (ANONYMOUS, OFFICER, person("auditor")):
        assert decision("code", who, PUBLIC).unconditional


def test_a_rule_of_another_role_does_not_apply() -> None:
    assert decision("contractor", person("planner"), PUBLIC, OWN).state is State.REFUSED


def test_a_rule_covers_its_classification_and_lower_ones() -> None:
    assert decision("district", OFFICER, OWN).shown
    assert decision("contractor", OFFICER, OWN).shown
    assert decision("bribe", OFFICER, OWN).state is State.REFUSED


def test_a_condition_stays_a_placeholder() -> None:
    told = access(OFFICER, OWN).record("works.Road")
    assert told.visible == HERE
    assert told.fields["contractor"].condition == TRUE, "in every row that is visible at all"


def test_rules_are_or_ed_for_each_field() -> None:
    told = access(OFFICER, PUBLIC, OWN).record("works.Road")
    assert told.visible == TRUE
    assert told.fields["code"].condition == TRUE
    assert told.fields["contractor"].condition == HERE, "every row is visible, the contractor in the own district's"


def test_conditions_of_two_rules_are_or_ed() -> None:
    by_contractor = allow("app", Road, up_to=restricted, where=row.contractor == principal.firm)
    told = access(person("district_officer", "app", district="KEC", firm="X"), OWN, by_contractor).record("works.Road")
    assert told.visible == Or((HERE, Compare("contractor", "eq", Attribute("firm"))))


@pytest.mark.parametrize("attributes", [{}, {"district": None}, {"school": "KEC"}], ids=repr)
def test_a_rule_whose_attribute_is_missing_or_null_does_not_apply(attributes: dict[str, Any]) -> None:
    assert not access(person("district_officer", **attributes), OWN).record("works.Road").allowed


def test_not_even_its_complement_applies() -> None:
    """``not (district == ?)`` of nobody's district would be every row."""
    elsewhere = allow("app", Road, up_to=restricted, where=~(row.district == principal.district))
    either = allow("app", Road, up_to=open_, where=(row.district == principal.district) | (row.code == "R-1"))
    assert not access(person("app"), elsewhere).record("works.Road").allowed
    assert not access(person("app"), either).record("works.Road").allowed


def test_an_attribute_compared_with_a_word_is_decided_at_once() -> None:
    rule = allow("department_officer", Road, up_to=confidential, where=principal.department == "works")
    assert access(person("department_officer", department="works"), rule).record("works.Road").visible == TRUE
    for other in ("health", "Works", ("works",)):
        assert not access(person("department_officer", department=other), rule).record("works.Road").allowed


def test_only_names_the_fields_a_rule_shows() -> None:
    rule = allow("app", Road, up_to=confidential, only=("code", "bribe"))
    told = access(person("app"), rule).record("works.Road")
    assert [name for name, each in told.fields.items() if each.shown] == ["code", "bribe"]
    assert not told.links["crews"].shown


def test_a_row_is_visible_under_a_rule_that_shows_only_some_fields() -> None:
    partly = allow("app", Road, up_to=open_, only=("district",))
    told = access(person("app", "district_officer", district="KEC"), partly, OWN).record("works.Road")
    assert told.visible == TRUE
    assert told.fields["code"].condition == HERE, "a key can be hidden in a visible row"


def test_masked_yields_to_shown_and_hides_nothing_else() -> None:
    masked = allow("steward", Road, up_to=confidential, masked=("bribe",))
    assert decision("bribe", person("steward"), masked).state is State.MASKED
    assert decision("contractor", person("steward"), masked).shown
    auditor = allow("auditor", Road, up_to=confidential)
    both = decision("bribe", person("steward", "auditor"), masked, auditor)
    assert both.state is State.SHOWN
    assert len(both.rules) == 1


def test_shown_in_some_rows_and_masked_in_all_is_shown_where_it_may_be() -> None:
    masked = allow("steward", Road, up_to=confidential, masked=("bribe",))
    own = allow("district_officer", Road, up_to=confidential, where=row.district == principal.district)
    told = decision("bribe", person("steward", "district_officer", district="KEC"), masked, own)
    assert told.state is State.SHOWN
    assert told.condition == HERE


def test_a_link_is_as_sensitive_as_its_keys_or_as_declared() -> None:
    told = access(OFFICER, PUBLIC, OWN).record("works.Road").links["crews"]
    assert told.state is State.REFUSED, "its keys are Confidential"
    crew = access(person("app"), allow("app", Crew, up_to=restricted)).record("works.Crew")
    assert crew.links["road"].shown, "declared Open"
    assert crew.fields["road_code"].state is State.REFUSED, "following the reference shows no key"


def test_a_refusal_says_which_purpose_or_case_would_do() -> None:
    rule = allow("auditor", Road, up_to=confidential, purposes=("LegalCompliance",), case=True)
    auditor = person("auditor")
    assert decision("bribe", auditor, rule).code is Code.PURPOSE_REQUIRED
    assert "LegalCompliance" in decision("bribe", auditor, rule).reason
    stated = replace(auditor, purpose="LegalCompliance")
    assert decision("bribe", stated, rule).code is Code.CASE_REQUIRED
    assert decision("bribe", replace(stated, case="C"), rule).shown
    assert decision("bribe", person("citizen"), rule).code is Code.REFUSED, "no hint for who holds no such role"


def test_a_decision_names_its_rules_by_file_and_line() -> None:
    (told,) = decision("code", ANONYMOUS, PUBLIC).rules
    assert told.startswith("auth/test_policy.py:")


def test_acting_for_another_gives_what_both_may_see() -> None:
    auditor = allow("auditor", Road, up_to=confidential)
    both = replace(person("auditor"), also=OFFICER)
    told = access(both, auditor, OWN).record("works.Road")
    assert told.visible == Compare("district", "eq", Attribute("represented.district"))
    assert told.fields["contractor"].shown
    assert told.fields["bribe"].state is State.REFUSED
    assert both.attribute("represented.district") == "KEC"


def test_acting_for_another_narrows_by_both_attributes() -> None:
    both = replace(person("district_officer", district="QUE"), also=OFFICER)
    told = access(both, OWN).record("works.Road")
    assert told.visible == And((HERE, Compare("district", "eq", Attribute("represented.district"))))


def test_acting_for_another_masks_what_either_gets_masked() -> None:
    rules = (allow("auditor", Road, up_to=confidential),
             allow("steward", Road, up_to=confidential, masked=("bribe",)))  # fmt: skip
    for actor, other in (("auditor", "steward"), ("steward", "auditor")):
        assert decision("bribe", replace(person(actor), also=person(other)), *rules).state is State.MASKED


def test_a_right_of_a_department_needs_both() -> None:
    right = grant("steward", "diagnose", "works")
    assert access(person("steward"), right).granted("diagnose", "works")
    assert not access(person("steward"), right).granted("diagnose", "health")
    assert not access(replace(person("steward"), also=person("app")), right).granted("diagnose", "works")


# Totals

COUNT_ALL = allow_totals("planner", Crew, by=("name",), k=10)
COUNT_OWN = allow_totals("district_officer", Crew, by=("code",), k=1, where=row.road_code == principal.road)


def test_seeing_persons_does_not_imply_counting_them() -> None:
    told = access(person("app"), allow("app", Crew, up_to=confidential)).record("works.Crew")
    assert told.allowed
    assert told.totals == ()
    assert "about persons" in told.no_totals.reason


def test_seeing_other_rows_does() -> None:
    (told,) = access(OFFICER, OWN).record("works.Road").totals
    assert (told.population, told.by, told.k) == (HERE, None, 0)


def test_a_grant_of_totals_shows_no_row() -> None:
    told = access(person("planner"), COUNT_ALL).record("works.Crew")
    assert not told.allowed
    (totals,) = told.totals
    assert (totals.population, totals.by, totals.k) == (TRUE, frozenset({"name"}), 10)


def test_two_grants_of_totals_are_not_put_together() -> None:
    """Everybody by name and the own road by code is not everybody by code."""
    who = person("planner", "district_officer", road="R-1")
    told = access(who, COUNT_ALL, COUNT_OWN).record("works.Crew").totals
    assert [(each.population == TRUE, each.by, each.k) for each in told] == [
        (True, frozenset({"name"}), 10), (False, frozenset({"code"}), 0),
    ]  # fmt: skip


def test_totals_for_another_are_narrowed_by_both_and_keep_the_stricter_k() -> None:
    auditor = allow_totals("auditor", Crew, by=("name", "code"), k=1)
    both = replace(person("auditor"), also=person("planner"))
    (told,) = access(both, COUNT_ALL, auditor).record("works.Crew").totals
    assert (told.by, told.k) == (frozenset({"name"}), 10)
    nobody = replace(person("auditor"), also=person("citizen"))
    assert access(nobody, COUNT_ALL, auditor).record("works.Crew").totals == ()


def test_principals_of_one_class_share_an_access_and_others_do_not() -> None:
    policy = Policy(resolve([Declared(works, (Road, Crew), (PUBLIC, OWN))]))
    kech, quetta = policy.access(OFFICER), policy.access(person("district_officer", district="QUE"))
    assert kech is quetta
    assert policy.access(person("district_officer")) is not kech
    assert policy.access(replace(OFFICER, purpose="LegalCompliance")) is not kech
    assert policy.access(replace(OFFICER, also=OFFICER)) is not kech
    assert policy.access(person("district_officer")).record("works.Crew").visible == FALSE
