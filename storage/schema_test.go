package storage

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatelatch/storage/postgrestest"
)

// schema describes tables: lines that must be the same on both engines.
type schema map[string][]string

// equivalent are the types of SQLite and of PostgreSQL that hold the same.
var equivalent = map[string]string{"BLOB": "bytea", "TEXT": "text", "INTEGER": "bigint"}

func TestBothEnginesHaveTheSameTables(t *testing.T) {
	lite := sqliteSchema(t, open(t, Options{Dir: t.TempDir()}))
	post := postgresSchema(t, open(t, Options{URL: postgrestest.URL(t)}))
	if len(lite) < 10 {
		t.Fatalf("found only %d tables: %v", len(lite), slices.Sorted(maps.Keys(lite)))
	}
	all := maps.Clone(lite)
	maps.Copy(all, post)
	for _, table := range slices.Sorted(maps.Keys(all)) {
		if l, p := lite[table], post[table]; !slices.Equal(l, p) {
			t.Errorf("table %s differs\nsqlite:\n  %s\npostgres:\n  %s", table, strings.Join(l, "\n  "), strings.Join(p, "\n  "))
		}
	}
}

func TestEveryMigrationHasATwinOfTheSameNumberAndName(t *testing.T) {
	names := func(folder string) (names []string) {
		entries, err := fs.ReadDir(migrations, "migrations/"+folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
			if !regexp.MustCompile(`^\d{4}_[a-z0-9_]+\.sql$`).MatchString(e.Name()) {
				t.Errorf("%s/%s is not named NNNN_x.sql", folder, e.Name())
			}
		}
		return names
	}
	if l, p := names("sqlite"), names("postgres"); !slices.Equal(l, p) || len(l) == 0 {
		t.Errorf("sqlite has %v, postgres %v", l, p)
	}
}

var (
	flag  = regexp.MustCompile(`CHECK \((\w+) IN \(0, 1\)\)`)
	check = regexp.MustCompile(`(?i)CHECK \((\w+) IN \(('[^)]*)\)\)`)
	where = regexp.MustCompile(`(?i) WHERE (.*)$`)
	word  = regexp.MustCompile(`'[^']*'`)
)

// choices describes a CHECK of a column against words.
func choices(column, words string) string {
	found := word.FindAllString(words, -1)
	slices.Sort(found)
	return fmt.Sprintf("check %s in %v", column, found)
}

// condition describes the WHERE of a partial index: PostgreSQL adds brackets and casts.
func condition(sql string) string {
	m := where.FindStringSubmatch(sql)
	if m == nil {
		return ""
	}
	return " where " + strings.NewReplacer("(", "", ")", "").Replace(m[1])
}

func sqliteSchema(t *testing.T, s *Store) schema {
	t.Helper()
	tx, found := s.View(t.Context()), schema{}
	texts := func(width int, query string, args ...any) (rows [][]string) {
		t.Helper()
		if err := tx.each(query, args, func(row scanner) error {
			r, into := make([]string, width), make([]any, width)
			for i := range r {
				into[i] = &r[i]
			}
			rows = append(rows, r)
			return row.Scan(into...)
		}); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return rows
	}
	for _, table := range texts(2, `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'`) {
		name, sql := table[0], table[1]
		flags := map[string]bool{}
		for _, m := range flag.FindAllStringSubmatch(sql, -1) {
			flags[m[1]] = true
		}
		if !strings.Contains(sql, "STRICT") {
			t.Errorf("table %s is not STRICT", name)
		}
		lines := []string{}
		for _, m := range check.FindAllStringSubmatch(sql, -1) {
			lines = append(lines, choices(m[1], m[2]))
		}
		for _, c := range texts(4, `SELECT name, type, "notnull", COALESCE(dflt_value, '') FROM pragma_table_info($1)`, name) {
			kind := equivalent[c[1]]
			if flags[c[0]] {
				kind = "boolean"
			}
			lines = append(lines, fmt.Sprintf("column %s %s, not null %v, default %q", c[0], kind, c[2] == "1", c[3]))
		}
		for _, f := range texts(4, `SELECT "from", "table", "to", on_delete FROM pragma_foreign_key_list($1)`, name) {
			lines = append(lines, fmt.Sprintf("foreign key %s to %s %s, on delete %s", f[0], f[1], f[2], strings.ToLower(f[3])))
		}
		for _, i := range texts(3, `SELECT name, "unique", origin FROM pragma_index_list($1)`, name) {
			var columns, sql []string
			for _, c := range texts(1, `SELECT name FROM pragma_index_info($1)`, i[0]) {
				columns = append(columns, c[0])
			}
			for _, r := range texts(1, `SELECT sql FROM sqlite_schema WHERE name = $1 AND sql IS NOT NULL`, i[0]) {
				sql = r
			}
			label := i[0]
			if i[2] == "pk" {
				label = "primary key"
			}
			lines = append(lines, fmt.Sprintf("index %s on %v, unique %v%s", label, columns, i[1] == "1", condition(strings.Join(sql, ""))))
		}
		slices.Sort(lines)
		found[name] = lines
	}
	return found
}

func postgresSchema(t *testing.T, s *Store) schema {
	t.Helper()
	tx, found := s.View(t.Context()), schema{}
	add := func(query string, line func(row scanner) (table, text string, err error)) {
		t.Helper()
		if err := tx.each(query, nil, func(row scanner) error {
			table, text, err := line(row)
			if !strings.HasPrefix(table, "goose_") {
				found[table] = append(found[table], text)
			}
			return err
		}); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	add(`SELECT table_name, column_name, data_type, is_nullable = 'NO', COALESCE(column_default, '') FROM information_schema.columns WHERE table_schema = current_schema()`,
		func(row scanner) (string, string, error) {
			var table, name, kind, standard string
			var notNull bool
			err := row.Scan(&table, &name, &kind, &notNull, &standard)
			return table, fmt.Sprintf("column %s %s, not null %v, default %q", name, kind, notNull, strings.TrimSuffix(standard, "::text")), err
		})
	add(`SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text, f.attname,
			CASE c.confdeltype WHEN 'c' THEN 'cascade' WHEN 'a' THEN 'no action' ELSE c.confdeltype::text END
		FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1]
		WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace`,
		func(row scanner) (string, string, error) {
			var table, from, other, to, rule string
			err := row.Scan(&table, &from, &other, &to, &rule)
			return table, fmt.Sprintf("foreign key %s to %s %s, on delete %s", from, other, to, rule), err
		})
	add(`SELECT c.conrelid::regclass::text, a.attname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.contype = 'c' AND c.connamespace = current_schema()::regnamespace`,
		func(row scanner) (string, string, error) {
			var table, column, text string
			err := row.Scan(&table, &column, &text)
			return table, choices(column, text), err
		})
	add(`SELECT i.indrelid::regclass::text, CASE WHEN i.indisprimary THEN 'primary key' ELSE i.indexrelid::regclass::text END, i.indisunique, pg_get_indexdef(i.indexrelid),
			(SELECT string_agg(a.attname, ' ' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, n) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum)
		FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = current_schema()::regnamespace`,
		func(row scanner) (string, string, error) {
			var table, name, sql, columns string
			var unique bool
			err := row.Scan(&table, &name, &unique, &sql, &columns)
			return table, fmt.Sprintf("index %s on %v, unique %v%s", name, strings.Fields(columns), unique, condition(sql)), err
		})
	for _, lines := range found {
		slices.Sort(lines)
	}
	return found
}
