package storage

import (
	"cmp"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"time"
)

// Audit holds decisions and what came of them, by ids that grow with every entry. PutAudit and PutResult write it. No entry is changed.
var Audit = newTable[AuditEntry]("audit")

// Tables that lead to the entries: the operation to its newest decision that allowed it, a decision to its newest result, and auditLists.
var (
	auditOperations = newTable[string]("audit_operations")
	auditResults    = newTable[string]("audit_results")
)

// lastAudit names the counter of the audit: the newest id, in microseconds.
const lastAudit = "audit"

// AuditEntry records a decision (the asker, the request, the channel and what decided) or, with a Result, what came of one.
type AuditEntry struct {
	ID        string    `json:"-"` // the key, as read by AuditPage and EachAudit
	At        time.Time `json:"at"`
	User      string    `json:"user,omitempty"`
	Channel   string    `json:"channel,omitempty"`
	Action    string    `json:"action,omitempty"` // the required right
	Asked     string    `json:"asked,omitempty"`  // the request as a command line
	Stack     StackRef  `json:"stack,omitzero"`   // zero if none was found or the action concerns none
	Source    StackRef  `json:"source,omitzero"`  // that a promotion takes its version from; Asked names it
	Operation string    `json:"operation,omitempty"`
	Allowed   bool      `json:"allowed,omitempty"`
	By        Decider   `json:"by,omitzero"` // what decided, if it has an id
	Reason    string    `json:"reason,omitempty"`
	Result    *Result   `json:"result,omitempty"`
}

// Decider is what decided: a rule, or what stands above the rules.
type Decider struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// The kinds of a Decider.
const (
	ByRule       = "rule"
	ByLock       = "lock"
	ByProtection = "protection"
	ByApproval   = "approval"
)

// String returns it as in "rule k3f9".
func (d Decider) String() string {
	if d == (Decider{}) {
		return ""
	}
	return d.Kind + " " + d.ID
}

// Result is what came of an allowed decision.
type Result struct {
	Of         string `json:"of"`                   // the id of the decision
	Outcome    State  `json:"outcome"`              // the end of a redeploy, or Done, NotDone, Refused or Unclear
	Deployment int64  `json:"deployment,omitempty"` // which deployment it led to or concerned
	Said       string `json:"said,omitempty"`       // an explanation
}

// The outcomes of what is not a redeploy.
const (
	Done    State = "done"
	NotDone State = "not done"
)

// PutAudit records a decision.
func PutAudit(tx Tx, e AuditEntry) error {
	at, err := appendAudit(tx, e)
	if e.Allowed && e.Operation != "" {
		err = errors.Join(err, auditOperations.Put(tx, e.Operation, auditID(at)))
	}
	for _, list := range e.lists() {
		err = errors.Join(err, list.add(tx, at))
	}
	return err
}

// PutResult records what came of the newest decision that allowed an operation. Without one, or with the same result, it does nothing.
// An end that is corrected later gets a second result, which counts.
func PutResult(tx Tx, operation string, r Result) error {
	of, found, err := auditOperations.Find(tx, operation)
	if err != nil || !found {
		return err
	}
	r.Of = of
	before, err := resultOf(tx, of)
	if err != nil || before != nil && *before == r {
		return err
	}
	at, err := appendAudit(tx, AuditEntry{At: time.Now(), Operation: operation, Result: &r})
	return errors.Join(err, auditResults.Put(tx, of, auditID(at)))
}

// Conclude records what came of an operation, unless it has a result.
func Conclude(tx Tx, operation string, outcome State) error {
	of, found, err := auditOperations.Find(tx, operation)
	if err != nil || !found {
		return err
	}
	if before, err := resultOf(tx, of); err != nil || before != nil {
		return err
	}
	return PutResult(tx, operation, Result{Outcome: outcome})
}

// appendAudit stores an entry behind all others, whatever the clock says, and returns its id.
func appendAudit(tx Tx, e AuditEntry) (at int64, err error) {
	last, _, err := Counters.Find(tx, lastAudit)
	at = max(e.At.UnixMicro(), last+1)
	return at, errors.Join(err, Counters.Put(tx, lastAudit, at), Audit.Put(tx, auditID(at), e))
}

// auditID returns the id of the entry of a time in microseconds: eleven characters that sort by it.
func auditID(at int64) string { return fmt.Sprintf("%011s", strconv.FormatInt(max(at, 0), 36)) }

// resultOf returns the newest result of a decision, nil if there is none.
func resultOf(tx Tx, decision string) (*Result, error) {
	id, found, err := auditResults.Find(tx, decision)
	if err != nil || !found {
		return nil, err
	}
	e, _, err := Audit.Find(tx, id)
	return e.Result, err
}

// AuditFilter selects decisions. The zero filter selects all.
type AuditFilter struct {
	User  string
	Stack string // UID
	Since time.Time
}

// AuditPage returns up to count decisions, newest first, after the newest skip ones, each with its result as far as known, and how many the
// filter selects in all. It costs the same wherever the page is.
func AuditPage(tx Tx, filter AuditFilter, skip, count int) (page []AuditEntry, total int, err error) {
	list := auditList("all")
	switch {
	case filter.User != "" && filter.Stack != "":
		list = listOfBoth(filter.User, filter.Stack)
	case filter.User != "":
		list = listOfUser(filter.User)
	case filter.Stack != "":
		list = listOfStack(filter.Stack)
	}
	head, _, err := auditLists.Find(tx, string(list))
	if err != nil {
		return nil, 0, err
	}
	at := func(i int) (id int64) {
		got, wrong := list.at(tx, head, i)
		err = errors.Join(err, wrong)
		return got
	}
	from := head.From
	if !filter.Since.IsZero() {
		from += sort.Search(head.To-head.From, func(i int) bool { return at(head.From+i) >= filter.Since.UnixMicro() })
	}
	for i := head.To - 1 - skip; i >= from && len(page) < count && err == nil; i-- {
		id := auditID(at(i))
		e, wrong := Audit.Get(tx, id)
		e.ID = id
		if wrong == nil {
			e.Result, wrong = resultOf(tx, id)
		}
		page, err = append(page, e), errors.Join(err, wrong)
	}
	return page, head.To - from, err
}

// EachAudit calls fn for the decisions since a time, oldest first, each with its result as far as known.
func EachAudit(tx Tx, since time.Time, fn func(AuditEntry) error) error {
	return Audit.Scan(tx, "", func(id string, e AuditEntry) (err error) {
		if e.Result != nil || e.At.Before(since) {
			return nil
		}
		if e.ID = id; e.Allowed {
			e.Result, err = resultOf(tx, id)
		}
		return cmp.Or(err, fn(e))
	})
}

// auditList names a list of decisions in the order of their ids: all, those of a user, on a stack, or both. A list has a head and behind it
// records of listRecord ids each, so that every position can be read at once.
type auditList string

func listOfUser(user string) auditList      { return auditList("user/" + user) }
func listOfStack(uid string) auditList      { return auditList("stack/" + uid) }
func listOfBoth(user, uid string) auditList { return auditList("both/" + user + "/" + uid) }
func (l auditList) key(position int) string { return fmt.Sprintf("%s/%012d", l, position/listRecord) }
func (h auditHead) begin() (position int)   { return h.To - len(h.Newest) }
func (e AuditEntry) lists() (l []auditList) {
	if e.Result != nil {
		return nil
	}
	l = append(l, "all", listOfUser(e.User))
	if e.Stack.UID != "" {
		l = append(l, listOfStack(e.Stack.UID), listOfBoth(e.User, e.Stack.UID))
	}
	return l
}

// listRecord is the number of ids in one record of a list.
const listRecord = 64

var (
	auditLists   = newTable[auditHead]("audit_lists")
	auditRecords = newTable[[]int64]("audit_list_records")
)

// auditHead is the head of a list: the positions that it has, and the ids that fill no record yet.
type auditHead struct {
	From   int     `json:"from"` // positions before it are forgotten
	To     int     `json:"to"`
	Newest []int64 `json:"newest"`
}

func (l auditList) add(tx Tx, id int64) error {
	head, _, err := auditLists.Find(tx, string(l))
	if err != nil {
		return err
	}
	head.To, head.Newest = head.To+1, append(head.Newest, id)
	if len(head.Newest) == listRecord {
		err = auditRecords.Put(tx, l.key(head.To-1), head.Newest)
		head.Newest = nil
	}
	return errors.Join(err, auditLists.Put(tx, string(l), head))
}

// at returns the id at a position of the list.
func (l auditList) at(tx Tx, head auditHead, position int) (int64, error) {
	if position >= head.begin() {
		return head.Newest[position-head.begin()], nil
	}
	ids, err := auditRecords.Get(tx, l.key(position))
	if err != nil || len(ids) != listRecord {
		return 0, cmp.Or(err, fmt.Errorf("%w: the record %s of the audit's lists", ErrDamaged, l.key(position)))
	}
	return ids[position%listRecord], nil
}

// drop removes an id from the list if it is the oldest.
func (l auditList) drop(tx Tx, id string) error {
	head, found, err := auditLists.Find(tx, string(l))
	if err != nil || !found {
		return err
	}
	oldest, err := l.at(tx, head, head.From)
	if err != nil || auditID(oldest) != id {
		return err
	}
	head.From++
	if head.From == head.To {
		err = auditLists.Delete(tx, string(l))
	} else {
		err = auditLists.Put(tx, string(l), head)
	}
	if head.From%listRecord == 0 {
		err = errors.Join(err, auditRecords.Delete(tx, l.key(head.From-1)))
	}
	return err
}
