"""Indicators of education: schools, teachers, pupils."""

from __future__ import annotations

from connectors.province.indicators.bases import active_schools, districts, posts, pupils, schools, visits
from schema.derive import cell, count, distinct, either, has, head_of, lacks, ratio, rows, total
from schema.indicators import Certainty, Direction, Indicator, figure, indicator
from schema.periods import Frequency

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER
SCHOOLS, MONITORING = "Director of Education (Schools)", "Project Director, Real-Time School Monitoring"
# RTSM answers in pages of 500, its most, and passes over all earlier rows for each: a month of the province is 32 calls
# and costs it 0.4 s of processor time, two are 63 and 1.2 s, three 94 and 2.4 s, for every scorecard. Its indicators
# are not compared with earlier months; whoever wants these asks for them.
visited, expected = figure(visits, distinct("school")), figure(active_schools, count())
at_posts = visits.join(
    posts.group("school", filled=total("filled")), school="school"
).keep(cell.filled > 0)  # fmt: skip
teachers = rows("education.Teacher", district="district_code")
by_gender = rows("education.Teacher", district="district_code", gender="gender")
results = (
    rows("education.ExamResult", number="registration_number", school="school_code", got="obtained", of="total")
    .compute(period=head_of("number", 4), share=ratio("got", "of", times=100, places=2))
    .keep(has("share"))
    .join(schools, school="school")
)

indicators: tuple[Indicator, ...] = (
    indicator(
        "EDU_FUNCTIONAL", "Functional schools", department="education", owner=SCHOOLS, unit="percent",
        meaning="Schools that are active, of all that are not closed.",
        direction=HIGHER, frequency=Frequency.CURRENT, targets={"2024": "75", "2025": "85"},
        numerator=figure(schools.keep(cell.status == "Active"), count()),
        denominator=figure(schools.keep(has("status"), cell.status != "Closed"), count()),
    ),
    indicator(
        "EDU_PUPILS_PER_TEACHER", "Pupils for each teacher", department="education", owner=SCHOOLS, unit="pupils",
        meaning="Pupils enrolled now for each teacher with a posting.",
        direction=LOWER, frequency=Frequency.CURRENT, times=1, places=2, certainty=Certainty.EXACT,
        targets={"2025": "30"},
        numerator=figure(rows("education.Student", district="district_code"), count()),
        denominator=figure(teachers, count()),
    ),
    indicator(
        "EDU_WOMEN_TEACHING", "Women among teachers", department="education", owner=SCHOOLS, unit="percent",
        meaning="Teachers with a posting who are women.",
        direction=HIGHER, frequency=Frequency.CURRENT, targets={"2025": "45"}, k=10,
        numerator=figure(by_gender.keep(cell.gender == "Female"), count()),
        denominator=figure(by_gender.keep(either(has("gender"), lacks("gender"))), count()),
    ),
    indicator(
        "EDU_POSTS_FILLED", "Teaching posts filled", department="education", owner=SCHOOLS, unit="percent",
        meaning="Sanctioned posts of schools that somebody holds.",
        direction=HIGHER, frequency=Frequency.CURRENT, targets={"2025": "90"},
        numerator=figure(posts, total("filled")), denominator=figure(posts, count()),
    ),
    indicator(
        "EDU_VISITED", "Schools visited", department="education", owner=MONITORING, unit="percent",
        meaning="Active schools that a monitor visited in the month.",
        direction=HIGHER, frequency=Frequency.MONTHLY, targets={"2024": "70", "2025": "80"},
        numerator=visited, denominator=expected, back=0,
    ),
    indicator(
        "EDU_FOUND_OPEN", "Visits that find the school open", department="education", owner=MONITORING, unit="percent",
        meaning="Visits to active schools that found them open. A school without a visit is unknown, not closed.",
        direction=HIGHER, frequency=Frequency.MONTHLY, targets={"2025": "95"},
        numerator=figure(visits.keep(cell.found_open == True), count()),  # noqa: E712
        denominator=figure(visits.keep(has("found_open")), count()), reported=visited, expected=expected,
        back=0,
    ),
    indicator(
        "EDU_TEACHERS_PRESENT", "Teachers found present", department="education", owner=MONITORING, unit="percent",
        meaning="Teachers counted at visits, of those the visited schools' filled posts promise.",
        direction=HIGHER, frequency=Frequency.MONTHLY, targets={"2025": "90"},
        numerator=figure(at_posts, total("present")), denominator=figure(at_posts, total("filled")),
        reported=visited, expected=expected, back=0,
    ),
    indicator(
        "EDU_ENROLMENT", "Enrolment for 1,000 children", department="education", owner=SCHOOLS, unit="pupils per 1,000",
        meaning="Pupils at the annual school census for 1,000 children aged 5 to 16 at the census of 2023.",
        direction=HIGHER, frequency=Frequency.ANNUAL, times=1000, certainty=Certainty.RATE, targets={"2025": "12"},
        numerator=figure(pupils, total("pupils"), total("forms")), denominator=figure(districts, total("children")),
    ),
    indicator(
        "EDU_GIRLS", "Girls among pupils", department="education", owner=SCHOOLS, unit="percent",
        meaning="Girls of the pupils at the annual school census.",
        direction=HIGHER, frequency=Frequency.ANNUAL, targets={"2023": "42", "2025": "45"}, k=10,
        numerator=figure(pupils, total("girls"), total("forms")),
        denominator=figure(pupils, total("pupils"), total("forms")),
    ),
    indicator(
        "EDU_PUPILS_PER_SCHOOL", "Pupils of a school", department="education", owner=SCHOOLS, unit="pupils",
        meaning="Pupils at the annual school census for each school that sent its form.",
        direction=HIGHER, frequency=Frequency.ANNUAL, times=1, places=2, certainty=Certainty.EXACT,
        numerator=figure(pupils, total("pupils"), total("forms")),
        denominator=figure(pupils, total("forms"), total("forms")),
    ),
    indicator(
        "EDU_EXAM_PASSES", "Candidates who pass", department="education", owner="Controller of Examinations",
        unit="percent", meaning="Candidates of the board's examination with 40 % of the marks or more.",
        direction=HIGHER, frequency=Frequency.ANNUAL, targets={"2025": "75"}, k=10,
        numerator=figure(results.keep(cell.share >= 40), count()), denominator=figure(results, count()),
    ),
)  # fmt: skip
