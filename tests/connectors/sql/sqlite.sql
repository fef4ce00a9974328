-- rows by key
SELECT code AS c0, name AS c1
FROM staff
WHERE code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_keys))
 LIMIT :gp_limit;

-- rows by a number
SELECT code AS c0
FROM staff
WHERE bps IN (SELECT value FROM json_each(:gp_keys))
 LIMIT :gp_limit;

-- rows by a trimmed key
SELECT code AS c0, name AS c1
FROM staff
WHERE trim(name, ' ' || char(9) || char(13) || char(10)) COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_keys))
 LIMIT :gp_limit;

-- a few a key, in order
SELECT ranked.c0, ranked.c1
FROM (SELECT code AS c0, name AS c1, row_number() OVER (PARTITION BY name COLLATE "BINARY" ORDER BY bps DESC NULLS FIRST, code COLLATE "BINARY" ASC NULLS LAST) AS rank_
FROM staff
WHERE name COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_keys))) AS ranked
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.c1, ranked.rank_;

-- a few a key, in any order
SELECT ranked.c0
FROM (SELECT code AS c0, row_number() OVER (PARTITION BY code COLLATE "BINARY") AS rank_
FROM staff
WHERE code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_keys))) AS ranked
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.c0, ranked.rank_;

-- nulls in conditions
SELECT code AS c0
FROM staff
WHERE (name COLLATE "BINARY") != :gp_0 AND CASE WHEN (bps < :gp_1) THEN 0 ELSE 1 END = 1 AND (posted IS NULL OR (bps IS NOT NULL AND CASE WHEN (bps IN (SELECT value FROM json_each(:gp_2))) THEN 0 ELSE 1 END = 1) OR bps IS NOT NULL) AND CASE WHEN (name IS NOT NULL AND CASE WHEN (name COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_3))) THEN 0 ELSE 1 END = 1 AND posted >= :gp_4) THEN 0 ELSE 1 END = 1
 LIMIT :gp_limit;

-- text
SELECT code AS c0
FROM staff
WHERE substr(name COLLATE "BINARY", 1, length(:gp_0)) = :gp_0 AND instr(name COLLATE "BINARY", :gp_1) > 0 AND (name COLLATE "BINARY") = :gp_2 AND (name COLLATE "BINARY") > :gp_3 AND (trim(name, ' ' || char(9) || char(13) || char(10)) COLLATE "BINARY") = :gp_4 AND (trim(name, ' ' || char(9) || char(13) || char(10)) COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_5)))
 LIMIT :gp_limit;

-- ordered and limited
SELECT code AS c0
FROM staff
WHERE 1 = 1 ORDER BY name COLLATE "BINARY" ASC NULLS LAST, posted DESC NULLS FIRST
 LIMIT :gp_limit;

-- groups with decimals
SELECT name COLLATE "BINARY" AS g0, bps AS g1, count(*) AS m0, count(gross) AS m1, sum(CAST(round(gross * 100) AS INTEGER)) AS m2, sum(bps) AS m3, min(name COLLATE "BINARY") AS m4, max(posted) AS m5
FROM staff
WHERE 1 = 1 GROUP BY name COLLATE "BINARY", bps;

-- totals without groups
SELECT sum(CAST(round(gross * 100) AS INTEGER)) AS m0
FROM staff
WHERE 1 = 0;

-- conditional cells
SELECT code AS c0, CASE WHEN (name COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_0))) THEN gross END AS c1, CASE WHEN (CASE WHEN (bps > :gp_1) THEN 0 ELSE 1 END = 1) THEN name END AS c2
FROM staff
WHERE 1 = 1 ORDER BY CASE WHEN (bps > :gp_1) THEN name COLLATE "BINARY" END DESC NULLS FIRST
 LIMIT :gp_limit;

-- groups over conditional cells
SELECT name COLLATE "BINARY" AS g0, CASE WHEN ((code COLLATE "BINARY") = :gp_0) THEN bps END AS g1, count(*) AS m0, sum(CAST(round(CASE WHEN ((code COLLATE "BINARY") != :gp_0) THEN gross END * 100) AS INTEGER)) AS m1
FROM staff
WHERE (1 = 1) GROUP BY name COLLATE "BINARY", CASE WHEN ((code COLLATE "BINARY") = :gp_0) THEN bps END;

-- inside a grouped select
SELECT code AS c0, bps AS c1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_0))) AND (f.code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_keys))) GROUP BY f.code) rel
WHERE (code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_0))) AND bps > :gp_1 AND (code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_keys)))
 LIMIT :gp_limit;

-- none of the listed
SELECT code AS c0
FROM staff
WHERE CASE WHEN (name COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_0))) THEN 0 ELSE 1 END = 1 AND CASE WHEN (bps IN (SELECT value FROM json_each(:gp_1))) THEN 0 ELSE 1 END = 1
 LIMIT :gp_limit;

-- joined in the source
SELECT code AS c0
FROM staff
WHERE (code COLLATE "BINARY") IN (SELECT gp_rel1.code COLLATE "BINARY" AS anon_1
FROM leaves AS gp_rel1
WHERE gp_rel1.code IS NOT NULL AND gp_rel1.posted >= :gp_0)
 LIMIT :gp_limit;

-- not joined in the source, through a join there, by a number
SELECT count(*) AS m0
FROM staff
WHERE CASE WHEN (bps IN (SELECT gp_rel1.bps
FROM grades AS gp_rel1
WHERE gp_rel1.bps IS NOT NULL AND (gp_rel1.name COLLATE "BINARY") IN (SELECT gp_rel2.name COLLATE "BINARY" AS anon_1
FROM staff AS gp_rel2
WHERE gp_rel2.name IS NOT NULL AND (gp_rel2.code COLLATE "BINARY") = :gp_0))) THEN 0 ELSE 1 END = 1;

-- joined to a grouped select, and that to another one
SELECT code AS c0
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IS NULL OR (f.code COLLATE "BINARY") IN (SELECT gp_rel1.code COLLATE "BINARY" AS anon_1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE f.code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_0)) GROUP BY f.code) gp_rel1
WHERE gp_rel1.code IS NOT NULL AND (gp_rel1.code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_0))) AND gp_rel1.bps > :gp_1)) GROUP BY f.code) rel
WHERE (code IS NULL OR (code COLLATE "BINARY") IN (SELECT gp_rel2.code COLLATE "BINARY" AS anon_1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE f.code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_0)) GROUP BY f.code) gp_rel2
WHERE gp_rel2.code IS NOT NULL AND (gp_rel2.code COLLATE "BINARY" IN (SELECT value FROM json_each(:gp_0))) AND gp_rel2.bps > :gp_1))
 LIMIT :gp_limit;
