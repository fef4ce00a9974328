"""Tables of the departments' databases as data, and their DDL in the three dialects. No foreign key anywhere: that is how
they are."""

from __future__ import annotations

from dataclasses import dataclass

TYPES = {
    "int": ("INTEGER", "bigint", "bigint"),
    "date": ("DATE", "date", "date"),
    "text": ("TEXT", "text", "longtext"),
    "blob": ("BLOB", "bytea", "longblob"),
}


@dataclass(frozen=True, slots=True)
class Table:
    """``columns``: name -> type (int, date, text, blob, varchar(n), char(n), decimal(p,s)); ``key``: primary key;
    ``indexes``: columns indexed after loading."""

    name: str
    columns: dict[str, str]
    key: str | None = None
    indexes: tuple[str, ...] = ()

    def ddl(self, dialect: str) -> str:
        """CREATE TABLE for sqlite, postgresql or mariadb."""
        lines = [f"{name} {_type(kind, dialect)}" for name, kind in self.columns.items()]
        if self.key:
            lines.append(f"PRIMARY KEY ({self.key})")
        return f"CREATE TABLE {self.name} ({', '.join(lines)})"

    def index_ddl(self) -> list[str]:
        return [f"CREATE INDEX ix_{self.name}_{column} ON {self.name} ({column})" for column in self.indexes]


def _type(kind: str, dialect: str) -> str:
    position = ("sqlite", "postgresql", "mariadb").index(dialect)
    if kind in TYPES:
        return TYPES[kind][position]
    return kind.replace("decimal", "numeric") if dialect == "postgresql" else kind


def table(name: str, columns: str, key: str | None = None, indexes: str = "") -> Table:
    """``columns``: "id int, name varchar(40)"."""
    parts = [part.strip().split(" ", 1) for part in columns.replace("\n", " ").split("; ")]
    return Table(name, {part[0]: part[1].strip() for part in parts}, key, tuple(indexes.split()))


EMIS = (
    table("areas", "id int; code varchar(20); name varchar(60); parent_id int; lft int; rght int; area_level_id int", "id", "lft"),
    table("institution_types", "id int; name varchar(40); code varchar(10)", "id"),
    table("institution_statuses", "id int; name varchar(40); code varchar(10)", "id"),
    table("institution_genders", "id int; name varchar(20); code varchar(10)", "id"),
    table("institution_sectors", "id int; name varchar(40); code varchar(10)", "id"),
    table("institutions", "id int; name varchar(150); code varchar(50); address text; telephone varchar(30); date_opened date; date_closed date; longitude varchar(15); latitude varchar(15); area_id int; institution_type_id int; institution_status_id int; institution_sector_id int; institution_gender_id int; modified varchar(20)", "id", "code area_id"),
    table("z_institutions_2019", "id int; name varchar(150); code varchar(50)", "id"),
    table("security_users", "id int; username varchar(60); password varchar(60); openemis_no varchar(30); first_name varchar(60); last_name varchar(60); gender_id int; date_of_birth date; identity_number varchar(50); is_student int; is_staff int; is_guardian int; photo_content blob", "id", "openemis_no identity_number"),
    table("institution_students", "id char(36); student_status_id int; student_id int; education_grade_id int; academic_period_id int; start_date date; end_date date; institution_id int; previous_institution_student_id char(36)", "id", "student_id institution_id"),
    table("institution_enrolments", "id int; institution_id int; academic_period_id int; counted_on date; boys int; girls int", "id", "institution_id"),
    table("student_statuses", "id int; code varchar(20); name varchar(40)", "id"),
    table("education_grades", "id int; code varchar(20); name varchar(40)", "id"),
    table("academic_periods", "id int; code varchar(20); name varchar(40); start_date date; end_date date; start_year int", "id"),
    table("student_year_reports", "id int; student_id int; institution_id int; academic_period_id int; education_grade_id int; school_days int; absent_excused int; absent_unexcused int; late_days int; mark_hundredths int", "id", "student_id institution_id"),
    table("guardian_relations", "id int; name varchar(20)", "id"),
    table("student_guardians", "id int; student_id int; guardian_id int; guardian_relation_id int", "student_id, guardian_relation_id", "guardian_id"),
    table("scholarships", "id int; code varchar(20); name varchar(60); provider varchar(60)", "id"),
    table("scholarship_recipients", "id int; scholarship_id int; student_id int; academic_period_id int; approved_amount decimal(10,2); awarded_on date; status_code varchar(2)", "id", "student_id"),
    table("institution_staff", "id int; FTE decimal(5,2); start_date date; end_date date; staff_id int; institution_id int; institution_position_id int", "id", "staff_id institution_id institution_position_id"),
    table("institution_positions", "id int; position_no varchar(30); staff_position_title_id int; staff_position_grade_id int; institution_id int", "id", "position_no institution_id"),
    table("staff_position_titles", "id int; name varchar(60); type int", "id"),
    table("staff_position_grades", "id int; name varchar(20); bps int", "id"),
    table("staff_leaves", "id int; staff_id int; date_from date; date_to date; reason varchar(40)", "id", "staff_id"),
)  # fmt: skip
HMIS = (
    table("organisationunit", "organisationunitid int; uid varchar(11); code varchar(30); name varchar(150); parentid int; dist_nm varchar(40); fac_type varchar(10); status varchar(2); openingdate date; closeddate date; coordinates text; ic_cnic varchar(20)", "organisationunitid", "code uid dist_nm"),
    table("dataelement", "dataelementid int; uid varchar(11); code varchar(30); name varchar(100); valuetype varchar(20); aggregationtype varchar(20)", "dataelementid"),
    table("period", "periodid int; periodtypeid int; startdate date; enddate date; iso varchar(6)", "periodid", "iso"),
    table("datavalue", "dataelementid int; periodid int; sourceid int; categoryoptioncomboid int; attributeoptioncomboid int; value varchar(50); storedby varchar(30); created date; lastupdated date", None, "sourceid periodid"),
    table("dataset", "datasetid int; uid varchar(11); name varchar(60)", "datasetid"),
    table("completedatasetregistration", "registrationid int; datasetid int; periodid int; sourceid int; date date; storedby varchar(30)", "registrationid", "sourceid periodid"),
    table("bed_states", "ou_code varchar(30); beds int; occupied int; updated_at varchar(30)", "ou_code", "updated_at"),
)  # fmt: skip
LMIS = (
    table("facility_map", "facilityid char(36); hmis_code varchar(30)", "facilityid", "hmis_code"),
    table("orderables", "id char(36); code varchar(20); name varchar(80); tracer int", "id"),
    table("stock_cards", "id char(36); facilityid char(36); orderableid char(36); programid char(36)", "id", "facilityid"),
    table("stock_card_line_items", "id char(36); stockcardid char(36); quantity int; occurreddate date; processeddate date; reasonid char(36); sourceid char(36); destinationid char(36)", "id", "stockcardid"),
    table("calculated_stocks_on_hand", "id char(36); stockonhand int; occurreddate date; stockcardid char(36)", "id", "stockcardid"),
)  # fmt: skip
HR = (
    table("employees", "emp_no varchar(12); nm varchar(80); fname varchar(80); cnic varchar(20); desig varchar(40); bps int; facility_cd varchar(30); dt_join varchar(12); status_cd char(1)", "emp_no", "facility_cd cnic"),
    table("shift_presence", "facility_cd varchar(30); on_roll int; present int; updated_at varchar(30)", "facility_cd", "updated_at"),
    table("posts", "post_no varchar(16); facility_cd varchar(30); desig varchar(40); bps int; filled_by varchar(12)", "post_no", "facility_cd"),
)  # fmt: skip
FABS = (
    table("pa0001", "pernr int; begda char(8); endda char(8); bukrs varchar(4); kostl varchar(6); plans varchar(8); ename varchar(80)", "pernr", "kostl"),
    table("pa0002", "pernr int; cnic varchar(15); gbdat char(8); gesch char(1)", "pernr", "cnic"),
    table("cskt", "kostl varchar(6); ktext varchar(60); dist_txt varchar(40)", "kostl"),
    table("designations", "desig_cd varchar(4); desig_txt varchar(40); cadre varchar(8)", "desig_cd"),
    table("zpayroll", "payslip_no varchar(16); pernr int; paymm char(6); cnic varchar(15); kostl varchar(6); desig_cd varchar(4); gross decimal(13,2); ddctn decimal(13,2); net decimal(13,2); bank_acct varchar(24); budat char(8)", "payslip_no", "cnic pernr paymm"),
    table("bkpf", "belnr varchar(10); bukrs varchar(4); gjahr int; blart varchar(2); budat char(8); stblg varchar(10)", "belnr"),
    table("bseg", "bsegid varchar(14); belnr varchar(10); hkont varchar(8); kostl varchar(6); shkzg char(1); dmbtr decimal(15,2)", "bsegid", "belnr"),
)  # fmt: skip
GEO = (
    table("districts", "dist_code varchar(3); dist_name varchar(40); div_name varchar(40); pop_2023 int; school_age_2023 int; literacy_pct decimal(5,2); valid_from date; valid_to date; split_from varchar(3)", "dist_code"),
    table("census", "census_id varchar(8); census_year int; dist_code varchar(3); population int; school_age int", "census_id", "dist_code"),
)  # fmt: skip
RTSM = (
    table("visits", "visit_id int; school_code varchar(30); school_key varchar(30); visit_ts varchar(30); synced_ts varchar(30); monitor varchar(20); lat varchar(12); lon varchar(12); open_flag char(1); teachers_present int; students_present int; device_seq int", "visit_id", "school_key"),
    table("visit_staff", "mark_id int; visit_id int; staff_ref varchar(30); present char(1)", "mark_id", "visit_id staff_ref"),
)  # fmt: skip
FABS_SOAP = (
    table("budget_lines", "line_id varchar(20); fiscal_year varchar(7); dist_txt varchar(40); cost_centre varchar(6); function_code char(6); object_code varchar(6); budget_paisa int; released_paisa int; spent_paisa int; recorded_at varchar(30)", "line_id", "dist_txt fiscal_year"),
    table("receipts", "receipt_no varchar(16); receipt_date char(8); head_code varchar(6); dist_txt varchar(40); amount_paisa int; psid varchar(17); recorded_at varchar(30); reversal_of varchar(16)", "receipt_no", "receipt_date"),
    table("receipt_totals", "line_id varchar(20); acct_month char(6); head_code varchar(6); dist_txt varchar(40); receipts int; amount_paisa int", "line_id", "acct_month"),
    table("revenue_targets", "line_id varchar(20); acct_month char(6); head_code varchar(6); dist_txt varchar(40); target_paisa int; last_year_paisa int", "line_id", "acct_month"),
)  # fmt: skip
BPAY = (
    table("bills", "psid varchar(17); consumer_detail varchar(30); head_code varchar(6); dist_txt varchar(40); bill_status char(1); due_date char(8); amount_within_paisa int; amount_after_paisa int; billing_month char(4); date_paid char(8); amount_paid_paisa int; tran_auth_id varchar(6); cnic varchar(15); expired int; original_psid varchar(17); issue int", "psid", "cnic original_psid"),
    table("transactions", "txn_id int; psid varchar(17); tran_auth_id varchar(6); amount_paisa int; tran_date char(8); tran_time char(6); bank_mnemonic varchar(8); recorded_at varchar(30); reversal_of int; head_code varchar(6)", "txn_id", "tran_date"),
    table("bill_totals", "line_id varchar(24); due_date char(8); head_code varchar(6); dist_txt varchar(40); bill_status char(1); bills int; amount_paisa int; as_of char(8)", "line_id", "bill_status"),
)  # fmt: skip
TEVTA = (
    table("tev_inst", "inst_cd varchar(8); inst_nm varchar(60); dist_nm varchar(40); inst_typ char(1)", "inst_cd"),
    table("tev_trd", "trd_cd varchar(6); trd_nm varchar(60); dur_mth int; nvqf int", "trd_cd"),
    table("tev_trne", "trne_no varchar(12); trne_nm varchar(80); fthr_nm varchar(80); nic varchar(20); dob varchar(12); sex char(1); brd_regno varchar(14); dom_dist varchar(40)", "trne_no", "nic brd_regno"),
    table("tev_adm", "adm_no varchar(14); trne_no varchar(12); inst_cd varchar(8); trd_cd varchar(6); st_dt varchar(12); end_dt varchar(12); stat char(1); cert_no varchar(16); stip_paisa int", "adm_no", "trne_no inst_cd"),
)  # fmt: skip
BESSI = (
    table("contributors", "cnic varchar(13); first_paid char(10); employer_no varchar(12); sector_cd varchar(4); scheme varchar(6)", "cnic"),
)  # fmt: skip

DATABASES = {
    "emis": EMIS, "hmis": HMIS, "lmis": LMIS, "hr": HR, "fabs": FABS, "geo": GEO,
    "rtsm": RTSM, "fabs_soap": FABS_SOAP, "bpay": BPAY, "tevta": TEVTA, "bessi": BESSI,
}  # fmt: skip
