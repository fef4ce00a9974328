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
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.rank_;

-- a few a key, in any order
SELECT ranked.c0
FROM (SELECT code AS c0, row_number() OVER (PARTITION BY convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin) AS rank_
FROM staff
WHERE (code IN :gp_keys) AND (convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_keys)) AS ranked
WHERE ranked.rank_ <= :gp_limit ORDER BY ranked.rank_;

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
WHERE (code, convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin) IN (SELECT convert(found.l USING utf8mb4) COLLATE utf8mb4_general_ci AS anon_1, found.k
FROM (SELECT DISTINCT rel1.code AS l, convert(rel1.code USING utf8mb4) COLLATE utf8mb4_nopad_bin AS k
FROM leaves AS rel1
WHERE rel1.code IS NOT NULL AND rel1.posted >= :gp_0) AS found)
 LIMIT :gp_limit;

-- not joined in the source, through a join there, by a number
SELECT count(*) AS m0
FROM staff
WHERE CASE WHEN (bps IN (SELECT found.k
FROM (SELECT DISTINCT rel1.bps AS k
FROM grades AS rel1
WHERE rel1.bps IS NOT NULL AND (rel1.name, convert(rel1.name USING utf8mb4) COLLATE utf8mb4_nopad_bin) IN (SELECT convert(found.l USING utf8mb4) COLLATE utf8mb4_general_ci AS anon_1, found.k
FROM (SELECT DISTINCT rel2.name AS l, convert(rel2.name USING utf8mb4) COLLATE utf8mb4_nopad_bin AS k
FROM staff AS rel2
WHERE rel2.name IS NOT NULL AND rel2.code = :gp_0 AND (convert(rel2.code USING utf8mb4) COLLATE utf8mb4_nopad_bin) = :gp_0) AS found)) AS found)) THEN 0 ELSE 1 END = 1;

-- joined to a grouped select, and that to another one
SELECT code AS c0
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IS NULL OR (f.code, convert(f.code USING utf8mb4) COLLATE utf8mb4_nopad_bin) IN (SELECT convert(found.l USING utf8mb4) COLLATE utf8mb4_general_ci AS anon_1, found.k
FROM (SELECT DISTINCT rel1.code AS l, convert(rel1.code USING utf8mb4) COLLATE utf8mb4_nopad_bin AS k
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IN :gp_0) AND (convert(f.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) GROUP BY f.code) rel1
WHERE rel1.code IS NOT NULL AND (rel1.code IN :gp_0) AND (convert(rel1.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) AND rel1.bps > :gp_1) AS found)) GROUP BY f.code) rel
WHERE (code IS NULL OR (code, convert(code USING utf8mb4) COLLATE utf8mb4_nopad_bin) IN (SELECT convert(found.l USING utf8mb4) COLLATE utf8mb4_general_ci AS anon_1, found.k
FROM (SELECT DISTINCT rel2.code AS l, convert(rel2.code USING utf8mb4) COLLATE utf8mb4_nopad_bin AS k
FROM (SELECT f.code AS code, '12:30 %' AS note, COUNT(*) AS bps FROM figures f WHERE (f.code IN :gp_0) AND (convert(f.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) GROUP BY f.code) rel2
WHERE rel2.code IS NOT NULL AND (rel2.code IN :gp_0) AND (convert(rel2.code USING utf8mb4) COLLATE utf8mb4_nopad_bin IN :gp_0) AND rel2.bps > :gp_1) AS found))
 LIMIT :gp_limit;
