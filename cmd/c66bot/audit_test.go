package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

// auditDatabase holds decisions with odd texts in them, and their results.
func auditDatabase(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c66bot.db")
	db, err := bolt.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	web := storage.StackRef{UID: "abc123", Name: "web", Environment: "production"}
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rule := storage.Decider{Kind: storage.ByRule, ID: "k3f9"}
	err = db.Update(t.Context(), func(tx storage.Tx) (err error) {
		for i, e := range []storage.AuditEntry{
			{User: lin, Channel: "C0DEPLOYS", Action: "redeploy", Asked: "redeploy web@production --ref main", Stack: web, Operation: "o0",
				Allowed: true, By: rule, Reason: "rule k3f9 allows it"},
			{User: "U0SAM", Channel: "C0DEPLOYS", Action: "redeploy", Asked: "redeploy web@production", Stack: web, Operation: "o1",
				Reason: "no rule allows it"},
			{User: lin, Channel: "D0LIN", Action: "admin", Asked: "=HYPERLINK(\"http://evil\")", Operation: "o2", Allowed: true,
				Reason: "@SUM(A1)\x1b[31m"},
		} {
			e.At = begin.Add(time.Duration(i) * time.Hour)
			err = errors.Join(err, storage.PutAudit(tx, e))
		}
		return errors.Join(err, storage.PutResult(tx, "o0", storage.Result{Outcome: storage.Failed, Deployment: 1042, Said: "-1+2"}))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// printedAudit runs the command and returns its status and what it prints.
func printedAudit(t *testing.T, database string, args ...string) (code int, out, faults string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = run(t.Context(), append([]string{"audit"}, args...), []string{"C66BOT_STORAGE_PATH=" + database}, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestTheAuditIsPrinted(t *testing.T) {
	database := auditDatabase(t)
	const (
		first  = "2026-01-02 03:04:05Z  U0LIN  C0DEPLOYS  redeploy web@production --ref main  [by rule k3f9] failed #1042: -1+2\n"
		second = "2026-01-02 04:04:05Z  U0SAM  C0DEPLOYS  redeploy web@production  [no rule allows it] refused\n"
		third  = "2026-01-02 05:04:05Z  U0LIN  D0LIN  =HYPERLINK(\"http://evil\")  [@SUM(A1)\ufffd[31m] not known yet\n"
	)
	for args, want := range map[string]string{
		"": first + second + third, "--user U0LIN": first + third, "--user U0SAM": second, "--stack WEB": first + second,
		"--stack web@production": first + second, "--stack abc123": first + second, "--stack web@staging": "", "--since 1h": "",
		"--since 2026-01-02": first + second + third, "--since 2026-01-03": "", "--stack web --user U0LIN": first,
	} {
		if code, out, faults := printedAudit(t, database, strings.Fields(args)...); code != exitOK || out != want {
			t.Errorf("audit %s ended with %d (%s) and printed\n%s\nwant\n%s", args, code, faults, out, want)
		}
	}
}

func TestTheAuditAsJSONHasOneObjectALine(t *testing.T) {
	code, out, faults := printedAudit(t, auditDatabase(t), "--json", "--user", lin)
	if code != exitOK {
		t.Fatalf("it ended with %d: %s", code, faults)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	var first struct {
		ID, User, Asked string
		Allowed         bool
		By              storage.Decider
		Result          struct {
			Outcome    string
			Deployment int64
		}
	}
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || len(lines) != 2 {
		t.Fatalf("%d lines, %v:\n%s", len(lines), err, out)
	}
	if first.ID == "" || first.User != lin || !first.Allowed || first.By.ID != "k3f9" ||
		first.Result.Outcome != "failed" || first.Result.Deployment != 1042 {
		t.Errorf("the first is %+v", first)
	}
}

func TestNoCellOfTheAuditIsAFormula(t *testing.T) {
	_, out, _ := printedAudit(t, auditDatabase(t), "--csv")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v:\n%s", len(rows), err, out)
	}
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
				t.Errorf("%s is %q", rows[0][i], cell)
			}
		}
	}
	if got := strings.Join([]string{rows[3][5], rows[1][13], rows[1][11]}, " "); got != "'=HYPERLINK(\"http://evil\") '-1+2 failed" {
		t.Errorf("the cells are %s", got)
	}
	// A text may begin with a tab or a line break too.
	for _, asked := range []string{"\tx", "\rx", "\nx", "+x", "-x", "@x", "=x", "＝x"} {
		if cell := row(storage.AuditEntry{Asked: asked})[5]; cell != "'"+asked {
			t.Errorf("%q becomes %q", asked, cell)
		}
	}
	// Where a spreadsheet takes a semicolon or a tab for the end of a cell, the next one may begin with anything.
	for asked, want := range map[string]string{
		"redeploy web --reason ';=1+1'": "redeploy web --reason ';'=1+1'",
		"a; @x\t-y\n+z":                 "a; '@x\t'-y\n'+z",
		`a;"=1"`:                        `a;"'=1"`,
		" =1":                           " '=1",
		"a; b - c=d":                    "a; b - c=d",
	} {
		if cell := row(storage.AuditEntry{Asked: asked})[5]; cell != want {
			t.Errorf("%q becomes %q", asked, cell)
		}
	}
}

func TestTheAuditOfARunningBotIsPrinted(t *testing.T) {
	database := auditDatabase(t)
	_, want, _ := printedAudit(t, database)
	db, err := bolt.Open(database)
	if err != nil {
		t.Fatal(err)
	}
	defer closeDatabase(t, db)
	stop := startBackups(t.Context(), database, db, newLogger(0, "text", (&Config{}).cleaner(), os.Stderr))
	defer stop()
	if code, out, faults := printedAudit(t, database); code != exitOK || out != want || want == "" {
		t.Errorf("it ended with %d (%s) and printed\n%s", code, faults, out)
	}
}

func TestTheDigestTellsWhetherTheLogStillHolds(t *testing.T) {
	database := auditDatabase(t)
	change := func(do func(tx storage.Tx) error) {
		t.Helper()
		db, err := bolt.Open(database)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(t.Context(), do), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	change(func(tx storage.Tx) error {
		all, err := storage.Verify(tx)
		return errors.Join(err, storage.PutSeal(tx, all.Now))
	})
	code, out, faults := printedAudit(t, database, "--digest")
	if code != exitOK || strings.Count(out, "entries=4 ") != 2 || !strings.Contains(out, " holds\nnow ") {
		t.Errorf("it ended with %d (%s) and printed\n%s", code, faults, out)
	}
	change(func(tx storage.Tx) error {
		var last string
		err := storage.Audit.Scan(tx, "", func(id string, _ storage.AuditEntry) error { last = id; return nil })
		return errors.Join(err, storage.Audit.Put(tx, last, storage.AuditEntry{User: "U0EVIL"}))
	})
	code, out, faults = printedAudit(t, database, "--digest")
	if code != exitFailed || !strings.Contains(out, " DOES NOT HOLD\n") ||
		!strings.Contains(faults, "1 of 1 digests that were logged do not hold") {
		t.Errorf("it ended with %d (%s) and printed\n%s", code, faults, out)
	}
}

func TestWhatCannotBeAskedOfTheAuditIsSaid(t *testing.T) {
	database := auditDatabase(t)
	for args, want := range map[string]string{
		"--json --csv":      "--json and --csv are both given",
		"--digest --json":   "--digest goes over the whole audit",
		"--user lin":        `--user is "lin", which is no Slack id of a person (U…)`,
		"--since yesterday": `--since is "yesterday": give how far back, as in 12h, 7d or 4w`,
		"extra":             `unknown command "extra"`,
	} {
		if code, _, faults := printedAudit(t, database, strings.Fields(args)...); code != exitUsage || !strings.Contains(faults, want) {
			t.Errorf("audit %s ended with %d: %s", args, code, faults)
		}
	}
	if code, _, faults := printedAudit(t, filepath.Join(t.TempDir(), "none.db")); code != exitFailed || !strings.Contains(faults, "none.db") {
		t.Errorf("without a database it ended with %d: %s", code, faults)
	}
}
