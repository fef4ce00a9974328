INSERT INTO patients VALUES ('x', 30, 'Hidden', 'B');
UPDATE patients SET nm = 'h' WHERE patient_no = 2;
DELETE FROM patients WHERE patient_no = 30;
