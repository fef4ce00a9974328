"""The province's questions, answered through the gateway and compared with what was planted."""

from __future__ import annotations

from decimal import Decimal

from auth.principal import ANONYMOUS
from tests.houses import AUDITOR, Desk, Systems


async def test_active_schools_of_kech_by_level_and_gender(desk: Desk, systems: Systems) -> None:
    answer = await desk.data(
        """{ schools(where: {status: {eq: "Active"}, district: {code: {eq: "KEC"}}}) {
               totalCount aggregate(groupBy: [LEVEL, GENDER]) { key { level gender } count } } }"""
    )
    found = {
        f"{group['key']['level']}/{group['key']['gender']}": group["count"] for group in answer["schools"]["aggregate"]
    }
    assert found == systems.truth["q1"]["KEC"]
    assert answer["schools"]["totalCount"] == sum(found.values())


async def test_spelling_variants_do_not_hide_schools(desk: Desk, systems: Systems) -> None:
    """EMIS writes Chaghai, Noushki and Gwadar in its own way."""
    for district in ("CHG", "NOS", "GWA"):
        answer = await desk.data(
            'query($d: String!) { schools(where: {status: {eq: "Active"}, districtCode: {eq: $d}}) { totalCount } }',
            d=district,
        )
        assert answer["schools"]["totalCount"] == sum(systems.truth["q1"][district].values())


async def test_who_owns_the_b_form(desk: Desk) -> None:
    answer = await desk.data(
        '{ field(coordinate: "Student.bForm") { owner classification personal legalBasis retention system relation '
        "column } catalog { fields { coordinate owner } } }"
    )
    field = answer["field"]
    assert field["classification"] == "Confidential"
    assert field["personal"] is True
    assert field["column"] == "identity_number"
    assert all(field.values())
    assert all(entry["owner"] for entry in answer["catalog"]["fields"])


async def test_status_and_amount_of_one_psid(desk: Desk, systems: Systems) -> None:
    truth = systems.truth["q4"]
    for kind, status in (("paid", "Paid"), ("unpaid", "Unpaid")):
        answer = await desk.data(
            "query($p: String!) { bill(psid: $p) { psid answer status amountWithinDueDate } }", p=truth[kind]["psid"]
        )
        assert answer["bill"] == {
            "psid": truth[kind]["psid"], "answer": "Payable", "status": status,
            "amountWithinDueDate": truth[kind]["amountWithin"],
        }  # fmt: skip
    expired = await desk.data("query($p: String!) { bill(psid: $p) { answer } }", p=truth["expired"]["psid"])
    assert expired["bill"]["answer"] == "Expired"
    unknown = await desk.data("query($p: String!) { bill(psid: $p) { answer } }", p=truth["unknown"])
    assert unknown["bill"] is None


async def test_facilities_of_a_division_without_a_report(desk: Desk, systems: Systems) -> None:
    answer = await desk.data(
        """{ facilities(where: {status: {eq: "Active"}, district: {code: {in: ["ZHB", "SHR", "KSF"]}},
                                reports: {none: {month: {eq: "2025-09"}}}}) { nodes { code } } }"""
    )
    assert [node["code"] for node in answer["facilities"]["nodes"]] == systems.truth["q3"]


async def test_sanctioned_and_filled_posts_by_district(desk: Desk, systems: Systems) -> None:
    answer = await desk.data(
        "{ positions { aggregate(groupBy: [DISTRICT]) { key { district { code } } count sum { filled } } } }"
    )
    found = {
        group["key"]["district"]["code"]: {"sanctioned": group["count"], "filled": int(group["sum"]["filled"])}
        for group in answer["positions"]["aggregate"]
    }
    assert found == systems.truth["posts_education"]


SCHOOL = """
query ($code: String!) {
  school(code: $code) {
    name
    district {
      name
      facilities { totalCount nodes { code type } }
      budgetLines(where: {fiscalYear: {eq: "2025-26"}}) { nodes { code budget } }
    }
    teachers {
      nodes { code payslips(where: {month: {eq: "2025-09"}}) { nodes { code gross net } } }
    }
  }
}
"""


async def test_a_school_its_facilities_its_teachers_pay_and_its_budget(desk: Desk, systems: Systems) -> None:
    code = "KEC-00001"
    answer = await desk.ask(SCHOOL, AUDITOR, {"code": code}, provenance=True)
    assert "errors" not in answer
    school = answer["data"]["school"]
    lines = {line["code"]: line["budget"] for line in school["district"]["budgetLines"]["nodes"]}
    assert lines == {line["line"]: line["budget"] for line in systems.truth["budget"]["KEC"]}
    slips = {
        teacher["code"]: teacher["payslips"]["nodes"] for teacher in school["teachers"]["nodes"]
    }
    for planted in systems.truth["pay"][code]:
        assert slips[planted["teacher"]] == [
            {"code": planted["payslip"], "gross": planted["gross"], "net": planted["net"]}
        ]
    facilities = school["district"]["facilities"]
    assert facilities["totalCount"] == len(facilities["nodes"]) > 0
    departments = [told["department"] for told in answer["extensions"]["provenance"]]
    assert departments == ["education", "finance", "health"]
    entry = desk.ledger.last
    assert entry["departments"] == departments
    assert entry["shown"]["Payslip.gross"]
    assert entry["messageIssue"] == "ACE-2025-014"


async def test_a_citizen_sees_own_pay_only(desk: Desk) -> None:
    everyone = await desk.data("{ payslips(first: 1) { nodes { cnic } } }", AUDITOR)
    mine = everyone["payslips"]["nodes"][0]["cnic"]
    from tests.houses import person

    answer = await desk.data("{ payslips { nodes { cnic month gross } } }", person("citizen", cnic=mine))
    assert len(answer["payslips"]["nodes"]) == 12
    assert {slip["cnic"] for slip in answer["payslips"]["nodes"]} == {mine}
    assert all(Decimal(slip["gross"]) > 0 for slip in answer["payslips"]["nodes"])
    nobody = await desk.ask("{ payslips { nodes { cnic } } }", ANONYMOUS)
    assert nobody["data"] == {"payslips": None}
    assert nobody["errors"][0]["extensions"]["code"] == "REFUSED"
