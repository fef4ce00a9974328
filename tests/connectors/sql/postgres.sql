-- rows by key
SELECT code AS c0, name AS c1
FROM staff
WHERE code = any(:gp_keys)
 LIMIT :gp_limit;

-- rows by a number
SELECT code AS c0
FROM staff
WHERE bps = any(:gp_keys)
 LIMIT :gp_limit;

-- rows by a trimmed key
SELECT code AS c0, name AS c1
FROM staff
WHERE btrim(name, E' \t\r\n') = any(:gp_keys)
 LIMIT :gp_limit;

-- a few a key, in order
SELECT ranked.c0, ranked.c1
FROM (SELECT code AS c0, name AS c1, row_number() OVER (PARTITION BY name ORDER BY bps DESC, code COLLATE "C" ASC) AS rank_
FROM staff
WHERE name = any(:gp_keys)) AS ranked
WHERE ranked.rank_ <= :gp_limit::INTEGER ORDER BY ranked.c1, ranked.rank_;

-- a few a key, in any order
SELECT ranked.c0
FROM (SELECT code AS c0, row_number() OVER (PARTITION BY code) AS rank_
FROM staff
WHERE code = any(:gp_keys)) AS ranked
WHERE ranked.rank_ <= :gp_limit::INTEGER ORDER BY ranked.c0, ranked.rank_;

-- nulls in conditions
SELECT code AS c0
FROM staff
WHERE name != :gp_0 AND CASE WHEN (bps < :gp_1) THEN 0 ELSE 1 END = 1 AND (posted IS NULL OR (bps IS NOT NULL AND CASE WHEN (bps = any(:gp_2)) THEN 0 ELSE 1 END = 1) OR bps IS NOT NULL) AND CASE WHEN (name IS NOT NULL AND CASE WHEN (name = any(:gp_3)) THEN 0 ELSE 1 END = 1 AND posted >= :gp_4) THEN 0 ELSE 1 END = 1
 LIMIT :gp_limit;

-- text
SELECT code AS c0
FROM staff
WHERE starts_with(name COLLATE "C", :gp_0) AND strpos(name COLLATE "C", :gp_1) > 0 AND name = :gp_2 AND (name COLLATE "C") > :gp_3 AND btrim(name, E' \t\r\n') = :gp_4 AND (btrim(name, E' \t\r\n') = any(:gp_5))
 LIMIT :gp_limit;

-- ordered and limited
SELECT code AS c0
FROM staff
WHERE 1 = 1 ORDER BY name COLLATE "C" ASC, posted DESC
 LIMIT :gp_limit;

-- groups with decimals
SELECT name COLLATE "C" AS g0, bps AS g1, count(*) AS m0, count(gross) AS m1, sum(gross) AS m2, sum(bps) AS m3, min(name COLLATE "C") AS m4, max(posted) AS m5
FROM staff
WHERE 1 = 1 GROUP BY name COLLATE "C", bps;

-- totals without groups
SELECT sum(gross) AS m0
FROM staff
WHERE 1 = 0;

-- conditional cells
SELECT code AS c0, CASE WHEN (name = any(:gp_0)) THEN gross END AS c1, CASE WHEN (CASE WHEN (bps > :gp_1) THEN 0 ELSE 1 END = 1) THEN name END AS c2
FROM staff
WHERE 1 = 1 ORDER BY CASE WHEN (bps > :gp_1) THEN name COLLATE "C" END DESC
 LIMIT :gp_limit;

-- groups over conditional cells
SELECT name COLLATE "C" AS g0, CASE WHEN (code = :gp_0) THEN bps END AS g1, count(*) AS m0, sum(CASE WHEN (code != :gp_0) THEN gross END) AS m1
FROM staff
WHERE (1 = 1) GROUP BY name COLLATE "C", CASE WHEN (code = :gp_0) THEN bps END;

-- inside a grouped select
SELECT code AS c0, bps AS c1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code = any(:gp_0)) AND (f.code = any(:gp_keys)) GROUP BY f.code) rel
WHERE (code = any(:gp_0)) AND bps > :gp_1 AND (code = any(:gp_keys))
 LIMIT :gp_limit;

-- none of the listed
SELECT code AS c0
FROM staff
WHERE CASE WHEN (name = any(:gp_0)) THEN 0 ELSE 1 END = 1 AND CASE WHEN (bps = any(:gp_1)) THEN 0 ELSE 1 END = 1
 LIMIT :gp_limit;

-- joined in the source
SELECT code AS c0
FROM staff
WHERE EXISTS (SELECT 1
FROM leaves AS gp_rel1
WHERE gp_rel1.code IS NOT NULL AND gp_rel1.posted >= :gp_0 AND gp_rel1.code = staff.code)
 LIMIT :gp_limit;

-- not joined in the source, through a join there, by a number
SELECT count(*) AS m0
FROM staff
WHERE NOT (EXISTS (SELECT 1
FROM grades AS gp_rel1
WHERE gp_rel1.bps IS NOT NULL AND (EXISTS (SELECT 1
FROM staff AS gp_rel2
WHERE gp_rel2.name IS NOT NULL AND gp_rel2.code = :gp_0 AND gp_rel2.name = gp_rel1.name)) AND gp_rel1.bps = staff.bps));

-- joined to a grouped select, and that to another one
SELECT code AS c0
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IS NULL OR f.code IN (SELECT gp_rel1.code
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE f.code = any(:gp_0) GROUP BY f.code) gp_rel1
WHERE gp_rel1.code IS NOT NULL AND (gp_rel1.code = any(:gp_0)) AND gp_rel1.bps > :gp_1)) GROUP BY f.code) rel
WHERE (code IS NULL OR (EXISTS (SELECT 1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE f.code = any(:gp_0) GROUP BY f.code) gp_rel2
WHERE gp_rel2.code IS NOT NULL AND (gp_rel2.code = any(:gp_0)) AND gp_rel2.bps > :gp_1 AND gp_rel2.code = rel.code)))
 LIMIT :gp_limit;

-- rows by a key of type char(n)
SELECT CAST(code AS TEXT) AS c0, name AS c1
FROM staff
WHERE code = any(CAST(CAST(:gp_keys AS TEXT[]) AS bpchar[])) AND (CAST(code AS TEXT) = any(:gp_keys))
 LIMIT :gp_limit;
