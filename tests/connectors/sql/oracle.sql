-- rows by key
SELECT code AS c0, name AS c1
FROM staff
WHERE code IN :gp_keys
 FETCH FIRST :gp_limit ROWS ONLY;

-- rows by a number
SELECT code AS c0
FROM staff
WHERE bps IN :gp_keys
 FETCH FIRST :gp_limit ROWS ONLY;

-- rows by a trimmed key
SELECT code AS c0, name AS c1
FROM staff
WHERE regexp_replace(name, '^[ ' || CHR(9) || CHR(13) || CHR(10) || ']+|[ ' || CHR(9) || CHR(13) || CHR(10) || ']+$', '') IN :gp_keys
 FETCH FIRST :gp_limit ROWS ONLY;

-- a few a key, in order
SELECT ranked.c0, ranked.c1
FROM (SELECT code AS c0, name AS c1, row_number() OVER (PARTITION BY name ORDER BY bps DESC, code ASC) AS rank_
FROM staff
WHERE name IN :gp_keys) ranked
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.c1, ranked.rank_;

-- a few a key, in any order
SELECT ranked.c0
FROM (SELECT code AS c0, row_number() OVER (PARTITION BY code ORDER BY NULL) AS rank_
FROM staff
WHERE code IN :gp_keys) ranked
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.c0, ranked.rank_;

-- nulls in conditions
SELECT code AS c0
FROM staff
WHERE (name != :gp_0 OR :gp_0 IS NULL AND name IS NOT NULL) AND CASE WHEN (bps < :gp_1) THEN 0 ELSE 1 END = 1 AND (posted IS NULL OR (bps IS NOT NULL AND CASE WHEN (bps IN :gp_2) THEN 0 ELSE 1 END = 1) OR bps IS NOT NULL) AND CASE WHEN (name IS NOT NULL AND CASE WHEN (name IN :gp_3) THEN 0 ELSE 1 END = 1 AND posted >= :gp_4) THEN 0 ELSE 1 END = 1
 FETCH FIRST :gp_limit ROWS ONLY;

-- text
SELECT code AS c0
FROM staff
WHERE (substr(name, 1, length(:gp_0)) = :gp_0 OR :gp_0 IS NULL AND name IS NOT NULL) AND (instr(name, :gp_1) > 0 OR :gp_1 IS NULL AND name IS NOT NULL) AND name = :gp_2 AND (name > :gp_3 OR :gp_3 IS NULL AND name IS NOT NULL) AND regexp_replace(name, '^[ ' || CHR(9) || CHR(13) || CHR(10) || ']+|[ ' || CHR(9) || CHR(13) || CHR(10) || ']+$', '') = :gp_4 AND (regexp_replace(name, '^[ ' || CHR(9) || CHR(13) || CHR(10) || ']+|[ ' || CHR(9) || CHR(13) || CHR(10) || ']+$', '') IN :gp_5)
 FETCH FIRST :gp_limit ROWS ONLY;

-- ordered and limited
SELECT code AS c0
FROM staff
WHERE 1 = 1 ORDER BY name ASC, posted DESC
 FETCH FIRST :gp_limit ROWS ONLY;

-- groups with decimals
SELECT name AS g0, bps AS g1, count(*) AS m0, count(gross) AS m1, sum(gross) AS m2, sum(bps) AS m3, min(name) AS m4, max(posted) AS m5
FROM staff
WHERE 1 = 1 GROUP BY name, bps;

-- totals without groups
SELECT sum(gross) AS m0
FROM staff
WHERE 1 = 0;

-- conditional cells
SELECT code AS c0, CASE WHEN (name IN :gp_0) THEN gross END AS c1, CASE WHEN (CASE WHEN (bps > :gp_1) THEN 0 ELSE 1 END = 1) THEN name END AS c2
FROM staff
WHERE 1 = 1 ORDER BY CASE WHEN (bps > :gp_1) THEN name END DESC
 FETCH FIRST :gp_limit ROWS ONLY;

-- groups over conditional cells
SELECT given.g0, given.g1, count(*) AS m0, sum(given.v1) AS m1
FROM (SELECT name AS g0, CASE WHEN (code = :gp_0) THEN bps END AS g1, CASE WHEN (code != :gp_0 OR :gp_0 IS NULL AND code IS NOT NULL) THEN gross END AS v1
FROM staff
WHERE (1 = 1)) given GROUP BY given.g0, given.g1;

-- inside a grouped select
SELECT code AS c0, bps AS c1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IN :gp_0) AND (f.code IN :gp_keys) GROUP BY f.code) rel
WHERE (code IN :gp_0) AND bps > :gp_1 AND (code IN :gp_keys)
 FETCH FIRST :gp_limit ROWS ONLY;

-- none of the listed
SELECT code AS c0
FROM staff
WHERE CASE WHEN (name IN :gp_0) THEN 0 ELSE 1 END = 1 AND CASE WHEN (bps IN :gp_1) THEN 0 ELSE 1 END = 1
 FETCH FIRST :gp_limit ROWS ONLY;

-- joined in the source
SELECT code AS c0
FROM staff
WHERE code IN (SELECT gp_rel1.code
FROM leaves gp_rel1
WHERE gp_rel1.code IS NOT NULL AND gp_rel1.posted >= :gp_0)
 FETCH FIRST :gp_limit ROWS ONLY;

-- not joined in the source, through a join there, by a number
SELECT count(*) AS m0
FROM staff
WHERE CASE WHEN (bps IN (SELECT gp_rel1.bps
FROM grades gp_rel1
WHERE gp_rel1.bps IS NOT NULL AND gp_rel1.name IN (SELECT gp_rel2.name
FROM staff gp_rel2
WHERE gp_rel2.name IS NOT NULL AND gp_rel2.code = :gp_0))) THEN 0 ELSE 1 END = 1;

-- joined to a grouped select, and that to another one
SELECT code AS c0
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IS NULL OR f.code IN (SELECT gp_rel1.code
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE f.code IN :gp_0 GROUP BY f.code) gp_rel1
WHERE gp_rel1.code IS NOT NULL AND (gp_rel1.code IN :gp_0) AND gp_rel1.bps > :gp_1)) GROUP BY f.code) rel
WHERE (code IS NULL OR code IN (SELECT gp_rel2.code
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE f.code IN :gp_0 GROUP BY f.code) gp_rel2
WHERE gp_rel2.code IS NOT NULL AND (gp_rel2.code IN :gp_0) AND gp_rel2.bps > :gp_1))
 FETCH FIRST :gp_limit ROWS ONLY;

-- rows by 2,001 to 3,000 keys
SELECT code AS c0, name AS c1
FROM staff
WHERE ((code IN :gp_keys) OR (code IN :gp_keys__1) OR (code IN :gp_keys__2))
 FETCH FIRST :gp_limit ROWS ONLY;
