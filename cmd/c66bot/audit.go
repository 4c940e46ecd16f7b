package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"c66bot/commands"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

// auditQuery is what is asked of the audit.
type auditQuery struct {
	json, csv, digest  bool
	stack, user, since string
	from               time.Time // of since
}

func newAuditCommand(environ []string) *cobra.Command {
	const key = "storage.path"
	var q auditQuery
	cmd := &cobra.Command{
		Use: "audit", Short: "Print who asked for what, what decided, and what came of it, also while the bot runs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadOne(cmd.Flags(), environ, key)
			if err != nil {
				return err
			}
			if err := q.read(time.Now()); err != nil {
				return &usageError{err}
			}
			return audit(cmd.Context(), cfg.StoragePath, q, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	defineFlags(flags, key)
	flags.BoolVar(&q.json, "json", false, "print one JSON object a line")
	flags.BoolVar(&q.csv, "csv", false, "print CSV for a spreadsheet")
	flags.BoolVar(&q.digest, "digest", false, "compute the digests anew that the log has, and say whether they hold")
	flags.StringVar(&q.stack, "stack", "", "only what was asked of a `stack`: its name, name@environment or UID")
	flags.StringVar(&q.user, "user", "", "only what a person asked for, by the `id` (U…)")
	flags.StringVar(&q.since, "since", "", "only as far back as a `time`: 12h, 7d, 4w, or a date such as 2026-01-31")
	return cmd
}

// read checks the query. Its error says what to give instead.
func (q *auditQuery) read(now time.Time) error {
	if q.digest && (q.json || q.csv || q.stack+q.user+q.since != "") {
		return errors.New("--digest goes over the whole audit: leave the other flags out")
	}
	if q.json && q.csv {
		return errors.New("--json and --csv are both given: keep one of them")
	}
	if q.user != "" {
		id := commands.UserOf(q.user)
		if id == "" {
			return fmt.Errorf("--user is %q, which is no Slack id of a person (U…): a profile's menu in Slack has \"Copy member ID\"", q.user)
		}
		q.user = id
	}
	if q.since == "" {
		return nil
	}
	if day, err := time.Parse(time.DateOnly, q.since); err == nil {
		q.from = day
		return nil
	}
	back, err := commands.ParseSince(q.since)
	if err != nil {
		return fmt.Errorf("--since is %q: give how far back, as in 12h, 7d or 4w, or a date such as 2026-01-31", q.since)
	}
	q.from = now.Add(-back)
	return nil
}

// selects reports whether a decision is asked for.
func (q *auditQuery) selects(e storage.AuditEntry) bool {
	stack := q.stack == "" || strings.EqualFold(q.stack, e.Stack.UID) || strings.EqualFold(q.stack, e.Stack.Name) ||
		strings.EqualFold(q.stack, e.Stack.String())
	return stack && (q.user == "" || q.user == e.User)
}

// audit prints the audit from a copy of the database: a reader who is slow keeps nothing waiting in the bot.
func audit(ctx context.Context, database string, q auditQuery, to io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "c66bot-audit-") // mode 0700
	if err != nil {                               // an image may have no directory for that
		dir, err = os.MkdirTemp(filepath.Dir(database), ".c66bot-audit-")
	}
	if err != nil {
		return explain(fmt.Errorf("make a directory for a copy of the database: %w", err))
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "copy.db")
	if err := copyTo(ctx, path, database); err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted: the audit was not read")
		}
		return err
	}
	if err := checkDatabase(ctx, path); err != nil {
		return fmt.Errorf("the database %s cannot be read: %w", database, err)
	}
	db, err := bolt.Open(path)
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	out := bufio.NewWriter(to)
	err = db.View(ctx, func(tx storage.Tx) error {
		if q.digest {
			return printDigests(tx, out)
		}
		return q.print(ctx, tx, out)
	})
	return errors.Join(err, out.Flush())
}

// copyTo writes a copy of the database to a new file.
func copyTo(ctx context.Context, path, database string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return explain(err)
	}
	return explain(errors.Join(copyDatabase(ctx, file, database), file.Close()))
}

// print prints the decisions that are asked for, oldest first.
func (q *auditQuery) print(ctx context.Context, tx storage.Tx, out io.Writer) error {
	line := func(e storage.AuditEntry) error {
		_, err := fmt.Fprintln(out, textOf(e))
		return err
	}
	table := csv.NewWriter(out)
	switch {
	case q.json:
		encoder := json.NewEncoder(out)
		line = func(e storage.AuditEntry) error { return encoder.Encode(printed{e.ID, e}) }
	case q.csv:
		if err := table.Write(columnNames); err != nil {
			return err
		}
		line = func(e storage.AuditEntry) error { return table.Write(row(e)) }
	}
	err := storage.EachAudit(tx, q.from, func(e storage.AuditEntry) error {
		if err := ctx.Err(); err != nil || !q.selects(e) {
			return err
		}
		return line(e)
	})
	table.Flush()
	return errors.Join(err, table.Error())
}

// printed is a decision with its id, as JSON.
type printed struct {
	ID string `json:"id"`
	storage.AuditEntry
}

var columnNames = []string{
	"id", "at", "user", "channel", "action", "asked", "stack", "stack_uid", "allowed", "by", "reason", "result", "deployment", "said",
	"operation",
}

// row returns the cells of a decision. A cell that a spreadsheet would take for a formula gets a quote in front.
func row(e storage.AuditEntry) []string {
	r, deployment := storage.Result{}, ""
	if e.Result != nil {
		r = *e.Result
	}
	if r.Deployment != 0 {
		deployment = strconv.FormatInt(r.Deployment, 10)
	}
	cells := []string{
		e.ID, e.At.UTC().Format(time.RFC3339), e.User, e.Channel, e.Action, e.Asked, e.Stack.String(), e.Stack.UID, strconv.FormatBool(e.Allowed),
		e.By.String(), e.Reason, resultWords(e), deployment, r.Said, e.Operation,
	}
	for i, cell := range cells {
		cells[i] = formula.ReplaceAllString(cell, "$1'$2")
	}
	return cells
}

// formula matches the beginning of what a spreadsheet takes for a formula. Where a semicolon or a tab separates cells, as in many
// countries, one may begin inside a text.
var formula = regexp.MustCompile(`((?:^|[;\t\r\n]) *"*)([=+\-@＝＋－＠]|^[\t\r\n])`)

// resultWords says what came of a decision.
func resultWords(e storage.AuditEntry) string {
	switch {
	case !e.Allowed:
		return "refused"
	case e.Result == nil:
		return "not known yet"
	default:
		return string(e.Result.Outcome)
	}
}

// textOf returns a decision as a line for people.
func textOf(e storage.AuditEntry) string {
	where, why := e.Channel, e.Reason
	if where == "" {
		where = "-"
	}
	if e.By != (storage.Decider{}) {
		why = "by " + e.By.String()
	}
	result := resultWords(e)
	if e.Result != nil && e.Result.Deployment != 0 {
		result += fmt.Sprintf(" #%d", e.Result.Deployment)
	}
	if e.Result != nil && e.Result.Said != "" {
		result += ": " + e.Result.Said
	}
	text := fmt.Sprintf("%s  %s  %s  %s  [%s] %s", e.At.UTC().Format("2006-01-02 15:04:05Z"), e.User, where, e.Asked, why, result)
	return strings.Map(func(r rune) rune { // it may steer the terminal
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// printDigests prints the digests that were logged and the present one. It fails if one of them does not hold.
func printDigests(tx storage.Tx, out io.Writer) error {
	all, err := storage.Verify(tx)
	if err != nil {
		return err
	}
	broken := map[string]bool{}
	for _, s := range all.Broken {
		broken[s.Last] = true
	}
	var wrong error
	say := func(what string, s storage.Seal, how string) {
		_, err := fmt.Fprintf(out, "%s entries=%d first=%s last=%s digest=%s%s\n", what, s.Entries, s.First, s.Last, s.Digest, how)
		wrong = errors.Join(wrong, err)
	}
	if all.Forgotten.Entries > 0 {
		say("forgotten", all.Forgotten, "")
	}
	for _, s := range all.Logged {
		how := " holds"
		if broken[s.Last] {
			how = " DOES NOT HOLD"
		}
		say(s.At.UTC().Format(time.RFC3339), s, how)
	}
	say("now", all.Now, "")
	if len(all.Broken) > 0 {
		wrong = errors.Join(wrong, fmt.Errorf("%d of %d digests that were logged do not hold: entries of the audit were changed or removed",
			len(all.Broken), len(all.Logged)))
	}
	return wrong
}
