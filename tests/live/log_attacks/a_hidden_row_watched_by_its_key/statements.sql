UPDATE patients SET nm = 'changed' WHERE patient_no = 2;
UPDATE patients SET patient_no = 3 WHERE patient_no = 2;
