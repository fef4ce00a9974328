DELETE FROM patients WHERE patient_no = 2;
UPDATE wards SET title = 'Renamed';
