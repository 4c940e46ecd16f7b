package bot_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

// BenchmarkJournal measures, over real sockets and with a real file, how long 200 changes that come at once wait for their acknowledgement,
// which comes after they stand in the journal, beside a client that waits for all of them, writes them in one commit and acknowledges; and
// how many commits the bot makes until all are acknowledged. Bursts to both take turns.
//
//	go test -run '^$' -bench Journal -benchtime 5x ./bot
func BenchmarkJournal(b *testing.B) {
	plain, server := benchWorkspace(b)
	db, err := bolt.Open(filepath.Join(b.TempDir(), "floor.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	var waiting []string
	onlyAcknowledge(b, server.URL, func(envelope string, ack func(string) error) error {
		if waiting = append(waiting, envelope); len(waiting) < crowd {
			return nil
		}
		err := db.Update(b.Context(), func(tx storage.Tx) error {
			for _, e := range waiting {
				if err := storage.Journal.Put(tx, e,
					storage.Entry{Operation: e, User: lin, Channel: deploys, What: "follow web", At: time.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		for _, e := range waiting {
			err = errors.Join(err, ack(e))
		}
		waiting = nil
		return err
	})
	workspace, server := benchWorkspace(b)
	slow, file := benchBot(b, server.URL)
	settled := answeredAll(workspace, slow)
	acked, rounds, before := 0, 0, commits(b, file)
	send := func(w *slacksim.Workspace) func() []time.Duration {
		channels := crowdChannels(w)
		return func() []time.Duration { return acknowledged(b, w, lin, channels, "/c66 follow web") }
	}
	compare(b, send(plain), send(workspace), func() {
		acked += commits(b, file) - before
		rounds++
		settled()
		before = commits(b, file)
	})
	b.ReportMetric(float64(acked)/float64(rounds*crowd), "commits/ack")
}

// crowdChannels gives each of the crowd's commands a channel of its own, so that none waits for another one's turn.
func crowdChannels(w *slacksim.Workspace) []string {
	ids := make([]string, crowd)
	for i := range ids {
		ids[i] = fmt.Sprintf("C0CROWD%d", i)
		w.AddChannel(slacksim.Channel{ID: ids[i], Name: fmt.Sprintf("crowd%d", i), Members: []string{lin}, BotIsMember: true})
	}
	return ids
}

// commits counts the transactions that a file of bbolt has seen: each of its first two pages holds, behind a header of 16 bytes, the number
// of the last one that it was written by, 48 bytes in.
func commits(b *testing.B, file string) int {
	b.Helper()
	f, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var newest uint64
	for page := range 2 {
		var number [8]byte
		if _, err := f.ReadAt(number[:], int64(page*os.Getpagesize()+16+48)); err != nil {
			b.Fatal(err)
		}
		newest = max(newest, binary.NativeEndian.Uint64(number[:]))
	}
	return int(newest)
}
