package bolt

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"c66bot/storage"
)

// newPath names a file in a new directory.
func newPath(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "test.db")
}

// written makes a database with some records and closes it.
func written(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	db := mustOpen(t, path)
	err := db.Update(t.Context(), func(tx storage.Tx) error {
		var errs []error
		for i := range 2000 {
			errs = append(errs, tx.Put("b", strconv.Itoa(i), bytes.Repeat([]byte("x"), 100)))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	return path
}

// foreign makes a bbolt file by hand.
func foreign(t *testing.T, bucket string, pairs map[string]string) string {
	t.Helper()
	path := newPath(t)
	// Without its list of free pages the file is one that bbolt writes to when it is merely opened.
	raw, err := bbolt.Open(path, 0o644, &bbolt.Options{NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte(bucket))
		for key, value := range pairs {
			err = errors.Join(err, b.Put([]byte(key), []byte(value)))
		}
		return err
	})
	if err := errors.Join(err, raw.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func file(t *testing.T, content []byte) string {
	t.Helper()
	path := newPath(t)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func contents(tb testing.TB, path string) []byte {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func TestAFileThatIsNotOursIsRefusedAndLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		want error
	}{
		"a short text":                     {file(t, []byte("hello\n")), ErrForeign},
		"a text of some pages":             {file(t, bytes.Repeat([]byte("hello\n"), 5000)), ErrForeign},
		"a text of a page and a bit":       {file(t, bytes.Repeat([]byte("hello\n"), 800)), ErrForeign},
		"a bbolt file of another program":  {foreign(t, "widgets", map[string]string{"a": "b"}), ErrForeign},
		"a bbolt file with a meta bucket":  {foreign(t, "meta", map[string]string{"format": "1"}), ErrForeign},
		"a database of a newer version":    {foreign(t, "meta", map[string]string{"application": "c66bot", "format": "2"}), ErrNewer},
		"a database whose format is noise": {foreign(t, "meta", map[string]string{"application": "c66bot", "format": "x"}), storage.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			before := contents(t, c.path)
			db, err := Open(c.path)
			if !errors.Is(err, c.want) || db != nil || !strings.Contains(err.Error(), c.path) {
				t.Errorf("open: %v, %v; want the error %v", db, err, c.want)
			}
			if !bytes.Equal(before, contents(t, c.path)) {
				t.Error("the file was changed")
			}
			if info, err := os.Stat(c.path); err != nil || info.Mode().Perm() != 0o644 {
				t.Errorf("the mode was changed: %v, %v", info, err)
			}
			if _, err := os.Stat(PIDPath(c.path)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a process id was left: %v", err)
			}
		})
	}
}

func TestOpeningAFileOfTheNewestFormatWritesNothingToIt(t *testing.T) {
	path := written(t)
	before := contents(t, path)
	mustClose(t, mustOpen(t, path))
	if !bytes.Equal(before, contents(t, path)) {
		t.Error("the file was changed")
	}
}

func TestADirectoryIsNotMadeNorTakenForAFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); !errors.Is(err, ErrForeign) {
		t.Errorf("open of a directory: %v", err)
	}
	_, err := Open(filepath.Join(dir, "missing", "test.db"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "its directory must exist") {
		t.Errorf("open in a missing directory: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOnlyTheOwnerMayReadTheFile(t *testing.T) {
	for name, path := range map[string]string{"a new file": newPath(t), "an empty file": file(t, nil), "an old file": written(t)} {
		t.Run(name, func(t *testing.T) {
			if err := os.Chmod(path, 0o666); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			mustClose(t, mustOpen(t, path))
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestADamagedFileIsAnErrorAndNoPanic(t *testing.T) {
	whole := contents(t, written(t))
	page := os.Getpagesize()
	for name, damage := range map[string]func([]byte) []byte{
		"both heads overwritten": func(b []byte) []byte { clear(b[:2*page]); return b },
		"all pages overwritten":  func(b []byte) []byte { copy(b[2*page:], bytes.Repeat([]byte{0xff}, len(b))); return b },
		"all but the heads gone": func(b []byte) []byte { return b[:2*page] },
		"cut within the heads":   func(b []byte) []byte { return b[:page+100] },
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, damage(slices.Clone(whole)))
			for range 2 { // The second time shows that the first one left no lock.
				db, err := Open(path)
				if !errors.Is(err, storage.ErrDamaged) && !errors.Is(err, ErrForeign) {
					t.Errorf("open: %v, %v", db, err)
				}
			}
		})
	}
}

func TestDamageThatIsMetLaterIsAnErrorAndNoPanic(t *testing.T) {
	path := written(t)
	db := mustOpen(t, path)
	raw, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	head := 2 * os.Getpagesize()
	if _, err := raw.WriteAt(bytes.Repeat([]byte{0xff}, len(contents(t, path))-head), int64(head)); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	err = db.View(t.Context(), func(tx storage.Tx) error {
		return tx.Scan("b", "", func(string, []byte) error { return nil })
	})
	if !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("scan: %v", err)
	}
	mustClose(t, db)
}
