package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"c66bot/storage"
)

// into takes a copy into memory.
func into(b *bytes.Buffer) func(int64) (io.Writer, error) {
	return func(size int64) (io.Writer, error) {
		b.Grow(int(size))
		return b, nil
	}
}

func TestACopyThatIsMadeWhileOthersWriteIsOneMomentOfTheDatabase(t *testing.T) {
	db := mustOpen(t, newPath(t))
	first := make(chan struct{})
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				err := db.Update(t.Context(), func(tx storage.Tx) error {
					n, err := storage.Counters.Get(tx, "first")
					if err != nil && !errors.Is(err, storage.ErrNotFound) {
						return err
					}
					return errors.Join(storage.Counters.Put(tx, "first", n+1), storage.Counters.Put(tx, "second", n+1),
						storage.Messages.Put(tx, strconv.Itoa(int(n)%50), storage.Message{Text: strings.Repeat("x", int(n)*7%9000)}))
				})
				if err != nil {
					t.Error(err)
				}
				select {
				case first <- struct{}{}:
				case <-stop:
					return
				}
			}
		})
	}
	for range 20 {
		<-first
		var copied bytes.Buffer
		if err := db.Backup(into(&copied)); err != nil {
			t.Fatal(err)
		}
		path, err := checkUnchanged(t, copied.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if records := all(t, path); records["counters/first"][9:] != records["counters/second"][9:] {
			t.Errorf("half an update was copied: %q", records)
		}
	}
	close(stop)
	writers.Wait()
	mustClose(t, db)
}

func TestAFileIsCopiedAsItIs(t *testing.T) {
	path := lived(t)
	before := contents(t, path)
	var copied bytes.Buffer
	said := int64(0)
	err := BackupFile(path, func(size int64) (io.Writer, error) {
		said = size
		return &copied, nil
	})
	if err != nil || said != int64(copied.Len()) {
		t.Fatalf("%v; %d bytes were announced and %d came", err, said, copied.Len())
	}
	if diff := cmp.Diff(all(t, path), all(t, file(t, copied.Bytes()))); diff != "" {
		t.Errorf("records (-database +copy):\n%s", diff)
	}
	if !bytes.Equal(before, contents(t, path)) {
		t.Error("the database was changed")
	}
}

func TestNoCopyIsMadeOfWhatCannotBeCopied(t *testing.T) {
	taken := newPath(t)
	db := mustOpen(t, taken)
	cut := contents(t, lived(t))
	for name, c := range map[string]struct {
		path string
		want string
	}{
		"a database that a process has": {taken, "is in use by process"},
		"a file that is cut short":      {file(t, cut[:len(cut)/4]), fmt.Sprintf("the file is cut short: it has %d bytes", len(cut)/4)},
		"an empty file":                 {file(t, nil), "it is empty"},
		"a text":                        {file(t, []byte(strings.Repeat("milk\n", 5000))), "no bbolt database"},
		"a directory":                   {t.TempDir(), "it is a directory"},
		"nothing":                       {newPath(t), "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // The wait for a lock takes no time.
				var copied bytes.Buffer
				err := BackupFile(c.path, into(&copied))
				if err == nil || !strings.Contains(fmt.Sprint(err), c.want) || copied.Len() > 0 {
					t.Errorf("got %v and %d bytes, want %q", err, copied.Len(), c.want)
				}
			})
		})
	}
	mustClose(t, db)
	broken := errors.New("broken")
	if err := db.Backup(into(&bytes.Buffer{})); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("of a closed database: %v", err)
	}
	if err := BackupFile(taken, func(int64) (io.Writer, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("to a writer that is not there: %v", err)
	}
}

func TestACopyIsWholeAfterEachOfItsFirstCommits(t *testing.T) {
	path := newPath(t)
	for i := range 4 {
		db := mustOpen(t, path)
		if err := db.Update(t.Context(), func(tx storage.Tx) error { return tx.Put("b", strconv.Itoa(i), nil) }); err != nil {
			t.Fatal(err)
		}
		var copied bytes.Buffer
		if err := db.Backup(into(&copied)); err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		restored := file(t, copied.Bytes())
		for range 3 {
			db := mustOpen(t, restored)
			if err := db.Update(t.Context(), func(tx storage.Tx) error { return tx.Put("b", "restored", nil) }); err != nil {
				t.Error(err)
			}
			mustClose(t, db)
			if err := Check(restored, func(string, string, []byte) error { return nil }); err != nil {
				t.Errorf("copy %d: %v", i, err)
			}
		}
	}
}
