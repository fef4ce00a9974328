UPDATE patients SET patient_no = 31 WHERE patient_no = 2;
UPDATE patients SET ward_cd = 'C' WHERE patient_no = 31;
