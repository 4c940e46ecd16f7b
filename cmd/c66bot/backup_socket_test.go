package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

// bigDatabase is open and holds more than a connection takes at once.
func bigDatabase(t *testing.T) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(newDatabase(t, 5_000))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func closeDatabase(t *testing.T, db *bolt.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestAReaderThatIsTooSlowIsCutOff(t *testing.T) {
	tests := []struct {
		name  string
		pause time.Duration // Between two reads; 0 for none at all.
		least time.Duration
		most  time.Duration
	}{
		{name: "one that reads nothing", least: backupStall, most: backupStall},
		{name: "one that reads a little now and then", pause: 4 * time.Second, least: backupLeast, most: backupLeast + 5*time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := bigDatabase(t)
				defer closeDatabase(t, db)
				ours, theirs := net.Pipe()
				defer func() { _ = theirs.Close() }()
				read := make(chan struct{})
				go func() {
					defer close(read)
					if tt.pause == 0 {
						return
					}
					for buffer := make([]byte, 32<<10); ; time.Sleep(tt.pause) {
						if _, err := theirs.Read(buffer); err != nil {
							return
						}
					}
				}()
				begin := time.Now()
				var log strings.Builder
				giveBackup(t.Context(), ours, db, slog.New(slog.NewTextHandler(&log, nil)))
				if took := time.Since(begin); took < tt.least || took > tt.most {
					t.Errorf("it was cut off after %v, want %v to %v", took, tt.least, tt.most)
				}
				if !strings.Contains(log.String(), "a backup was not given") {
					t.Errorf("log: %s", &log)
				}
				<-read
			})
		})
	}
}

func TestTheBotWritesWhileSomebodyDoesNotTakeTheirBackup(t *testing.T) {
	db := bigDatabase(t)
	defer closeDatabase(t, db)
	dir, err := os.MkdirTemp("", "bot") //nolint:usetesting // a test's own directory has too long a name for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "c66bot.db")
	stop := startBackups(t.Context(), path, db, slog.New(slog.DiscardHandler))
	var dialer net.Dialer
	var lazy [3]net.Conn
	for i := range lazy {
		if lazy[i], err = dialer.DialContext(t.Context(), "unix", socketPath(path)); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = lazy[i].Close() }()
	}
	if line, err := bufio.NewReaderSize(lazy[0], 16).ReadString('\n'); err != nil || !strings.HasPrefix(line, "c66bot backup ") {
		t.Fatalf("greeting %q, %v", line, err)
	}
	err = db.Update(t.Context(), func(tx storage.Tx) error { return storage.Counters.Put(tx, "messages", 1) })
	if err != nil {
		t.Error(err)
	}
	begin := time.Now()
	stop() // At once, whoever still has to take theirs.
	if took := time.Since(begin); took > backupStall/2 {
		t.Errorf("the end took %v", took)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestNothingThatIsSaidToTheSocketIsHeard(t *testing.T) {
	db, err := bolt.Open(newDatabase(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer closeDatabase(t, db)
	ours, theirs := net.Pipe()
	given := make(chan struct{})
	go func() {
		defer close(given)
		giveBackup(t.Context(), ours, db, slog.New(slog.DiscardHandler))
	}()
	ctx, cancel := context.WithCancel(t.Context())
	talk := make(chan error, 1)
	go func() {
		_, err := theirs.Write([]byte("GET /etc/passwd HTTP/1.1\n")) // Nobody reads it: it waits until the connection is closed.
		talk <- err
		cancel()
	}()
	content, err := io.ReadAll(theirs)
	if err != nil || !strings.HasPrefix(string(content), "c66bot backup ") {
		t.Errorf("got %.40q, %v", content, err)
	}
	<-given
	<-ctx.Done()
	if err := <-talk; err == nil {
		t.Error("what was said was read")
	}
}
