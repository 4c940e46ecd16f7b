package bolt

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"c66bot/storage"
	"c66bot/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBoltKeepsTheContract(t *testing.T) {
	storagetest.Run(t, func(t *testing.T, dir string) storage.DB {
		t.Helper()
		return mustOpen(t, filepath.Join(dir, "test.db"))
	})
}

func mustOpen(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func mustClose(t *testing.T, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
