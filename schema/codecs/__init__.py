"""Two-way codecs between what legacy columns hold and the values they mean: those that departments declare their
columns with. ``codec`` says what a codec is."""

from schema.codecs.codec import Codec, identity
from schema.codecs.days import (
    ddmmyyyy,
    iso_day,
    iso_stamp,
    local_time,
    naive_stamp,
    offset_stamp,
    year_text,
    yyyymm,
    yyyymmdd,
)
from schema.codecs.numbers import decimal, fixed_paisa, paisa, rupees_text, whole_number_text
from schema.codecs.persons import bare_cnic, cnic, payer_number
from schema.codecs.texts import blank_is_null, code_table, empty_is_null, flag, stripped, upper_trimmed

__all__ = [
    "Codec", "bare_cnic", "blank_is_null", "cnic", "code_table", "ddmmyyyy", "decimal", "empty_is_null", "fixed_paisa",
    "flag", "identity", "iso_day", "iso_stamp", "local_time", "naive_stamp", "offset_stamp", "paisa", "payer_number",
    "rupees_text", "stripped", "upper_trimmed", "whole_number_text", "year_text", "yyyymm", "yyyymmdd",
]  # fmt: skip
