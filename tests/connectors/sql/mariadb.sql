-- rows by key
SELECT code AS c0, name AS c1
FROM staff
WHERE (code IN :gp_keys) AND (convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_keys)
 LIMIT :gp_limit;

-- rows by a number
SELECT code AS c0
FROM staff
WHERE bps IN :gp_keys
 LIMIT :gp_limit;

-- rows by a trimmed key
SELECT code AS c0, name AS c1
FROM staff
WHERE convert(regexp_replace(name, '^[ \t\r\n]+|[ \t\r\n]+$', '') USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_keys
 LIMIT :gp_limit;

-- a few a key, in order
SELECT ranked.c0, ranked.c1
FROM (SELECT code AS c0, name AS c1, row_number() OVER (PARTITION BY convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin ORDER BY CASE WHEN (bps IS NULL) THEN 1 ELSE 0 END DESC, bps DESC, CASE WHEN ((convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin) IS NULL) THEN 1 ELSE 0 END ASC, convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin ASC) AS rank_
FROM staff
WHERE (name IN :gp_keys) AND (convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_keys)) AS ranked
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.c1, ranked.rank_;

-- a few a key, in any order
SELECT ranked.c0
FROM (SELECT code AS c0, row_number() OVER (PARTITION BY convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin) AS rank_
FROM staff
WHERE (code IN :gp_keys) AND (convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_keys)) AS ranked
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.c0, ranked.rank_;

-- nulls in conditions
SELECT code AS c0
FROM staff
WHERE (convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin) != :gp_0 AND CASE WHEN (bps < :gp_1) THEN 0 ELSE 1 END = 1 AND (posted IS NULL OR (bps IS NOT NULL AND CASE WHEN (bps IN :gp_2) THEN 0 ELSE 1 END = 1) OR bps IS NOT NULL) AND CASE WHEN (name IS NOT NULL AND CASE WHEN (convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_3) THEN 0 ELSE 1 END = 1 AND posted >= :gp_4) THEN 0 ELSE 1 END = 1
 LIMIT :gp_limit;

-- text
SELECT code AS c0
FROM staff
WHERE left(convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin, char_length(:gp_0)) = :gp_0 AND locate(:gp_1, convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin) > 0 AND name = :gp_2 AND (convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin) = :gp_2 AND (convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin) > :gp_3 AND (convert(regexp_replace(name, '^[ \t\r\n]+|[ \t\r\n]+$', '') USING utf8mb4) COLLATE utf8mb4_nopad_bin) = :gp_4 AND (convert(regexp_replace(name, '^[ \t\r\n]+|[ \t\r\n]+$', '') USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_5)
 LIMIT :gp_limit;

-- ordered and limited
SELECT code AS c0
FROM staff
WHERE 1 = 1 ORDER BY CASE WHEN ((convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin) IS NULL) THEN 1 ELSE 0 END ASC, convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin ASC, CASE WHEN (posted IS NULL) THEN 1 ELSE 0 END DESC, posted DESC
 LIMIT :gp_limit;

-- groups with decimals
SELECT convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin AS g0, bps AS g1, count(*) AS m0, count(gross) AS m1, sum(gross) AS m2, sum(bps) AS m3, min(convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin) AS m4, max(posted) AS m5
FROM staff
WHERE 1 = 1 GROUP BY convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin, bps;

-- totals without groups
SELECT sum(gross) AS m0
FROM staff
WHERE 1 = 0;

-- conditional cells
SELECT code AS c0, CASE WHEN ((name IN :gp_0) AND (convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0)) THEN gross END AS c1, CASE WHEN (CASE WHEN (bps > :gp_1) THEN 0 ELSE 1 END = 1) THEN name END AS c2
FROM staff
WHERE 1 = 1 ORDER BY CASE WHEN (CASE WHEN (bps > :gp_1) THEN convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin END IS NULL) THEN 1 ELSE 0 END DESC, CASE WHEN (bps > :gp_1) THEN convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin END DESC
 LIMIT :gp_limit;

-- groups over conditional cells
SELECT convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin AS g0, CASE WHEN (code = :gp_0 AND (convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin) = :gp_0) THEN bps END AS g1, count(*) AS m0, sum(CASE WHEN ((convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin) != :gp_0) THEN gross END) AS m1
FROM staff
WHERE (1 = 1) GROUP BY convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin, CASE WHEN (code = :gp_0 AND (convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin) = :gp_0) THEN bps END;

-- inside a grouped select
SELECT code AS c0, bps AS c1
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IN :gp_0) AND (convert(f.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) AND (f.code IN :gp_keys) AND (convert(f.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_keys) GROUP BY f.code) rel
WHERE (code IN :gp_0) AND (convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) AND bps > :gp_1 AND (code IN :gp_keys) AND (convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_keys)
 LIMIT :gp_limit;

-- none of the listed
SELECT code AS c0
FROM staff
WHERE CASE WHEN (convert(name USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) THEN 0 ELSE 1 END = 1 AND CASE WHEN (bps IN :gp_1) THEN 0 ELSE 1 END = 1
 LIMIT :gp_limit;

-- joined in the source
SELECT code AS c0
FROM staff
WHERE EXISTS (SELECT 1
FROM (SELECT DISTINCT convert(gp_rel1.code USING utf8mb4) COLLATE utf8mb4_nopad_bin AS k
FROM leaves AS gp_rel1
WHERE gp_rel1.code IS NOT NULL AND gp_rel1.posted >= :gp_0) AS gp_found
WHERE gp_found.k = (convert(staff.code USING utf8mb4) COLLATE utf8mb4_nopad_bin) AND staff.code = (gp_found.k COLLATE utf8mb4_general_ci))
 LIMIT :gp_limit;

-- not joined in the source, through a join there, by a number
SELECT count(*) AS m0
FROM staff
WHERE NOT (EXISTS (SELECT 1
FROM (SELECT DISTINCT gp_rel1.bps AS k
FROM grades AS gp_rel1
WHERE gp_rel1.bps IS NOT NULL AND (EXISTS (SELECT 1
FROM (SELECT DISTINCT convert(gp_rel2.name USING utf8mb4) COLLATE utf8mb4_nopad_bin AS k
FROM staff AS gp_rel2
WHERE gp_rel2.name IS NOT NULL AND gp_rel2.code = :gp_0 AND (convert(gp_rel2.code USING utf8mb4) COLLATE utf8mb4_nopad_bin) = :gp_0) AS gp_found
WHERE gp_found.k = (convert(gp_rel1.name USING utf8mb4) COLLATE utf8mb4_nopad_bin) AND gp_rel1.name = (gp_found.k COLLATE utf8mb4_general_ci)))) AS gp_found
WHERE gp_found.k = staff.bps));

-- joined to a grouped select, and that to another one
SELECT code AS c0
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IS NULL OR (convert(f.code USING utf8mb4) COLLATE utf8mb4_nopad_bin) IN (SELECT gp_found.k
FROM (SELECT DISTINCT convert(gp_rel1.code USING utf8mb4) COLLATE utf8mb4_nopad_bin AS k
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IN :gp_0) AND (convert(f.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) GROUP BY f.code) gp_rel1
WHERE gp_rel1.code IS NOT NULL AND (gp_rel1.code IN :gp_0) AND (convert(gp_rel1.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) AND gp_rel1.bps > :gp_1) AS gp_found)) GROUP BY f.code) rel
WHERE (code IS NULL OR (EXISTS (SELECT 1
FROM (SELECT DISTINCT convert(gp_rel2.code USING utf8mb4) COLLATE utf8mb4_nopad_bin AS k
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IN :gp_0) AND (convert(f.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) GROUP BY f.code) gp_rel2
WHERE gp_rel2.code IS NOT NULL AND (gp_rel2.code IN :gp_0) AND (convert(gp_rel2.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) AND gp_rel2.bps > :gp_1) AS gp_found
WHERE gp_found.k = (convert(rel.code USING utf8mb4) COLLATE utf8mb4_nopad_bin) AND rel.code = (gp_found.k COLLATE utf8mb4_general_ci))))
 LIMIT :gp_limit;
