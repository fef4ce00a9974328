-- rows by key
SELECT TOP (:gp_limit) code AS c0, name AS c1
FROM staff
WHERE (code IN :gp_keys) AND ((CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_keys__marked);

-- rows by a number
SELECT TOP (:gp_limit) code AS c0
FROM staff
WHERE bps IN :gp_keys;

-- rows by a trimmed key
SELECT TOP (:gp_limit) code AS c0, name AS c1
FROM staff
WHERE (CAST(trim(' ' + CHAR(9) + CHAR(13) + CHAR(10) FROM name) AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_keys__marked;

-- a few a key, in order
SELECT ranked.c0, ranked.c1
FROM (SELECT code AS c0, name AS c1, row_number() OVER (PARTITION BY CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 ORDER BY CASE WHEN (bps IS NULL) THEN 1 ELSE 0 END DESC, bps DESC, CASE WHEN ((CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2) IS NULL) THEN 1 ELSE 0 END ASC, CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 ASC) AS rank_
FROM staff
WHERE (name IN :gp_keys) AND ((CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_keys__marked)) AS ranked
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.c1, ranked.rank_;

-- a few a key, in any order
SELECT ranked.c0
FROM (SELECT code AS c0, row_number() OVER (PARTITION BY CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 ORDER BY (SELECT NULL)) AS rank_
FROM staff
WHERE (code IN :gp_keys) AND ((CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_keys__marked)) AS ranked
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.c0, ranked.rank_;

-- nulls in conditions
SELECT TOP (:gp_limit) code AS c0
FROM staff
WHERE (CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') != (:gp_0 + N'|') AND CASE WHEN (bps < :gp_1) THEN 0 ELSE 1 END = 1 AND (posted IS NULL OR (bps IS NOT NULL AND CASE WHEN (bps IN :gp_2) THEN 0 ELSE 1 END = 1) OR bps IS NOT NULL) AND CASE WHEN (name IS NOT NULL AND CASE WHEN ((CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_3__marked) THEN 0 ELSE 1 END = 1 AND posted >= :gp_4) THEN 0 ELSE 1 END = 1;

-- text
SELECT TOP (:gp_limit) code AS c0
FROM staff
WHERE charindex(N'|' + :gp_0, N'|' + CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2) = 1 AND (charindex(:gp_1, CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2) > 0 OR datalength(:gp_1) = 0 AND (CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2) IS NOT NULL) AND name = :gp_2 AND (CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') = (:gp_2 + N'|') AND (CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2) > :gp_3 AND (CAST(trim(' ' + CHAR(9) + CHAR(13) + CHAR(10) FROM name) AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') = (:gp_4 + N'|') AND ((CAST(trim(' ' + CHAR(9) + CHAR(13) + CHAR(10) FROM name) AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_5__marked);

-- ordered and limited
SELECT TOP (:gp_limit) code AS c0
FROM staff
WHERE 1 = 1 ORDER BY CASE WHEN ((CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2) IS NULL) THEN 1 ELSE 0 END ASC, CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 ASC, CASE WHEN (posted IS NULL) THEN 1 ELSE 0 END DESC, posted DESC;

-- groups with decimals
SELECT CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 AS g0, bps AS g1, count(*) AS m0, count(gross) AS m1, sum(gross) AS m2, sum(CAST(bps AS BIGINT)) AS m3, min(CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2) AS m4, max(posted) AS m5
FROM staff
WHERE 1 = 1 GROUP BY CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2, bps;

-- totals without groups
SELECT sum(gross) AS m0
FROM staff
WHERE 1 = 0;

-- conditional cells
SELECT TOP (:gp_limit) code AS c0, CASE WHEN ((name IN :gp_0) AND ((CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_0__marked)) THEN gross END AS c1, CASE WHEN (CASE WHEN (bps > :gp_1) THEN 0 ELSE 1 END = 1) THEN name END AS c2
FROM staff
WHERE 1 = 1 ORDER BY CASE WHEN (CASE WHEN (bps > :gp_1) THEN CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 END IS NULL) THEN 1 ELSE 0 END DESC, CASE WHEN (bps > :gp_1) THEN CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 END DESC;

-- groups over conditional cells
SELECT given.g0, given.g1, count(*) AS m0, sum(given.v1) AS m1
FROM (SELECT CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 AS g0, CASE WHEN (code = :gp_0 AND (CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') = (:gp_0 + N'|')) THEN bps END AS g1, CASE WHEN ((CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') != (:gp_0 + N'|')) THEN gross END AS v1
FROM staff
WHERE (1 = 1)) AS given GROUP BY given.g0, given.g1;

-- inside a grouped select
SELECT TOP (:gp_limit) code AS c0, bps AS c1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IN :gp_0) AND ((CAST(f.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_0__marked) AND (f.code IN :gp_keys) AND ((CAST(f.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_keys__marked) GROUP BY f.code) rel
WHERE (code IN :gp_0) AND ((CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_0__marked) AND bps > :gp_1 AND (code IN :gp_keys) AND ((CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_keys__marked);

-- none of the listed
SELECT TOP (:gp_limit) code AS c0
FROM staff
WHERE CASE WHEN ((CAST(name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_0__marked) THEN 0 ELSE 1 END = 1 AND CASE WHEN (bps IN :gp_1) THEN 0 ELSE 1 END = 1;

-- joined in the source
SELECT TOP (:gp_limit) code AS c0
FROM staff
WHERE (CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN (SELECT CAST(gp_rel1.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|' AS anon_1
FROM leaves AS gp_rel1
WHERE gp_rel1.code IS NOT NULL AND gp_rel1.posted >= :gp_0);

-- not joined in the source, through a join there, by a number
SELECT count(*) AS m0
FROM staff
WHERE CASE WHEN (bps IN (SELECT gp_rel1.bps
FROM grades AS gp_rel1
WHERE gp_rel1.bps IS NOT NULL AND (CAST(gp_rel1.name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN (SELECT CAST(gp_rel2.name AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|' AS anon_1
FROM staff AS gp_rel2
WHERE gp_rel2.name IS NOT NULL AND gp_rel2.code = :gp_0 AND (CAST(gp_rel2.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') = (:gp_0 + N'|')))) THEN 0 ELSE 1 END = 1;

-- joined to a grouped select, and that to another one
SELECT TOP (:gp_limit) code AS c0
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IS NULL OR (CAST(f.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN (SELECT CAST(gp_rel1.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|' AS anon_1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IN :gp_0) AND ((CAST(f.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_0__marked) GROUP BY f.code) gp_rel1
WHERE gp_rel1.code IS NOT NULL AND (gp_rel1.code IN :gp_0) AND ((CAST(gp_rel1.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_0__marked) AND gp_rel1.bps > :gp_1)) GROUP BY f.code) rel
WHERE (code IS NULL OR (CAST(code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN (SELECT CAST(gp_rel2.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|' AS anon_1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IN :gp_0) AND ((CAST(f.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_0__marked) GROUP BY f.code) gp_rel2
WHERE gp_rel2.code IS NOT NULL AND (gp_rel2.code IN :gp_0) AND ((CAST(gp_rel2.code AS NVARCHAR(max)) COLLATE Latin1_General_100_BIN2 + N'|') IN :gp_0__marked) AND gp_rel2.bps > :gp_1));
