package guard_test

import (
	"fmt"
	"testing"
	"time"

	"c66bot/authz/guard"
	"c66bot/storage"
)

var (
	now  = time.Date(2026, 3, 4, 10, 30, 0, 0, time.UTC) // a Wednesday
	prod = storage.StackRef{UID: "aaaa1111", Name: "web", Environment: "production"}
)

func TestALockHoldsTheStacksOfItsPatternWhileItLasts(t *testing.T) {
	for name, c := range map[string]struct {
		lock storage.Lock
		want bool
	}{
		"every stack":                    {storage.Lock{Stacks: "*"}, true},
		"its environment":                {storage.Lock{Stacks: "web*@production"}, true},
		"its UID":                        {storage.Lock{Stacks: "aaaa1111"}, true},
		"another environment":            {storage.Lock{Stacks: "web@staging"}, false},
		"an environment is no prefix":    {storage.Lock{Stacks: "web@prod"}, false},
		"until later":                    {storage.Lock{Stacks: "*", Until: now.Add(time.Second)}, true},
		"until now":                      {storage.Lock{Stacks: "*", Until: now}, false},
		"in its window":                  {storage.Lock{Stacks: "*", Every: "wed 10:00-wed 11:00", Zone: "UTC"}, true},
		"outside of it":                  {storage.Lock{Stacks: "*", Every: "wed 10:00-wed 11:00", Zone: "America/New_York"}, false},
		"a pattern that nobody can read": {storage.Lock{Stacks: "[", Until: now.Add(time.Hour)}, true},
		"a window that nobody can read":  {storage.Lock{Stacks: "*", Every: "at full moon", Zone: "UTC"}, true},
		"a zone that nobody can read":    {storage.Lock{Stacks: "*", Every: "fri 10:00-fri 11:00", Zone: "Moon/Tycho"}, true},
	} {
		got := false
		for _, l := range guard.NewBook(1, []storage.Lock{c.lock}, nil).On(prod) {
			got = got || l.Holds(now)
		}
		if got != c.want {
			t.Errorf("%s: it holds: %v", name, got)
		}
	}
}

func BenchmarkLocks(b *testing.B) {
	var locks []storage.Lock
	for i := range 500 {
		locks = append(locks, storage.Lock{
			ID: fmt.Sprint(i), Stacks: fmt.Sprintf("*svc%dx*@production", i), Every: "fri 16:00-mon 08:00", Zone: "Europe/Berlin",
		})
	}
	for i := range 20 {
		locks[i].Stacks = "*"
	}
	book := guard.NewBook(1, locks, nil)
	b.ReportAllocs()
	for b.Loop() {
		for _, l := range book.On(prod) {
			if l.Holds(now) {
				b.Fatal("it holds")
			}
		}
	}
}
