package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"c66bot/storage"
)

// lived makes a database as a bot leaves it: tables of one page and of many, records of several pages, what was deleted.
func lived(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "c66bot.db")
	db, err := Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for round := range 4 {
		err := db.Update(tb.Context(), func(tx storage.Tx) error {
			var errs []error
			for i := range 150 {
				id := fmt.Sprintf("%d-%04d", round, i)
				errs = append(errs, storage.Audit.Put(tx, id, storage.AuditEntry{At: at, User: "U0LIN", Asked: "redeploy web", Operation: id}),
					storage.Operations.Put(tx, id, storage.Operation{Key: id, User: "U0LIN", At: at}))
				if i%3 > 0 {
					errs = append(errs, storage.Operations.Delete(tx, fmt.Sprintf("%d-%04d", round-1, i)))
				}
			}
			return errors.Join(append(errs,
				storage.Counters.Put(tx, "messages", int64(round)),
				storage.Rules.Put(tx, "C0/k3f9", storage.Rule{ID: "k3f9", Who: "everyone", Actions: []string{"view"}}),
				storage.Messages.Put(tx, "long", storage.Message{Key: "long", Text: strings.Repeat("a long text. ", 1000*(4-round))}))...)
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// all are the records of a database, as they are stored.
func all(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	db := mustOpen(t, path)
	defer mustClose(t, db)
	err := db.View(t.Context(), func(tx storage.Tx) error {
		var errs []error
		for _, table := range []string{"audit", "operations", "counters", "rules", "messages", "follows"} {
			errs = append(errs, tx.Scan(table, "", func(key string, value []byte) error {
				found[table+"/"+key] = string(value)
				return nil
			}))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Error(err)
	}
	return found
}

// checkUnchanged checks the content of a file, and that the check left it as it was.
func checkUnchanged(t *testing.T, content []byte) (string, error) {
	t.Helper()
	path := file(t, content)
	err := Check(path, storage.CheckRecord)
	if !bytes.Equal(content, contents(t, path)) {
		t.Error("the check changed the file")
	}
	if left, dirErr := os.ReadDir(filepath.Dir(path)); dirErr != nil || len(left) != 1 {
		t.Errorf("left beside the file: %v, %v", left, dirErr)
	}
	return path, err
}

func TestASoundFilePassesTheCheck(t *testing.T) {
	for name, path := range map[string]string{"one that a bot left": lived(t), "an empty one": file(t, nil)} {
		t.Run(name, func(t *testing.T) {
			if _, err := checkUnchanged(t, contents(t, path)); err != nil {
				t.Error(err)
			}
		})
	}
	path := newPath(t)
	mustClose(t, mustOpen(t, path))
	if _, err := checkUnchanged(t, contents(t, path)); err != nil {
		t.Errorf("a new one: %v", err)
	}
}

func TestAFlippedBitIsRefusedOrDoesNoHarm(t *testing.T) {
	path := lived(t)
	whole, want := contents(t, path), all(t, path)
	page := os.Getpagesize()
	random := rand.New(rand.NewPCG(1, 2))
	used := len(bytes.TrimRight(whole, "\x00"))
	refused := 0
	const flips = 60
	for i := range flips {
		at := random.IntN(used)
		if i%3 == 0 { // The headers, and what is first behind them, are where damage does most.
			at = at/page*page + random.IntN(min(160, used-at/page*page))
		}
		bit := byte(1) << random.IntN(8)
		content := slices.Clone(whole)
		content[at] ^= bit
		if damage, err := walkFile(bytes.NewReader(content), int64(len(content)), storage.CheckRecord); i%10 > 0 &&
			(damage != nil || err != nil) {
			refused++
			continue
		}
		path, err := checkUnchanged(t, content)
		switch {
		case errors.Is(err, storage.ErrDamaged), errors.Is(err, ErrForeign), errors.Is(err, ErrNewer):
			refused++
		case err != nil:
			t.Errorf("bit %#x of byte %d (%d of page %d): %v", bit, at, at%page, at/page, err)
		default:
			agreesWithBbolt(t, path)
			if diff := cmp.Diff(want, all(t, path)); diff != "" {
				t.Fatalf("bit %#x of byte %d (%d of page %d) was not noticed; records (-want +got):\n%s", bit, at, at%page, at/page, diff)
			}
		}
	}
	t.Logf("%d of %d flips were refused, the others did no harm", refused, flips)
	if refused < flips/4 {
		t.Errorf("only %d of %d flips were refused", refused, flips)
	}
}

func TestAFileThatIsCutShortIsRefused(t *testing.T) {
	path := lived(t)
	whole := contents(t, path)
	page := os.Getpagesize()
	used := 0
	for size := 1; size < len(whole); size += page * 3 / 2 {
		if _, err := checkUnchanged(t, whole[:size]); err == nil {
			used = size // Behind it nothing was used yet.
			break
		} else if !errors.Is(err, storage.ErrDamaged) && !errors.Is(err, ErrForeign) {
			t.Errorf("cut to %d bytes: %v", size, err)
		}
	}
	if used > 0 && !bytes.Equal(whole[used:], make([]byte, len(whole)-used)) {
		t.Errorf("cut to %d bytes, with something behind them, the file passed", used)
	}
}

func TestTheCheckSaysWhatIsWrong(t *testing.T) {
	page := os.Getpagesize()
	whole := contents(t, lived(t))
	for name, c := range map[string]struct {
		damage func([]byte) []byte
		kind   error
		want   string
	}{
		"the first head": {func(b []byte) []byte { b[40] ^= 1; return b }, storage.ErrDamaged, "head 1 of 2 is not whole"},
		"the second head": {
			func(b []byte) []byte { b[page+40] ^= 1; return b }, storage.ErrDamaged, "head 2 of 2 is not whole",
		},
		"heads of two times": {
			func(b []byte) []byte { copy(b[page+16:], b[16:page]); return b }, storage.ErrDamaged, "do not belong together",
		},
		"half of it": {func(b []byte) []byte { return b[:2*page+1] }, storage.ErrDamaged, fmt.Sprintf("the file is cut short: it has %d bytes "+
			"of at least", 2*page+1)},
		"text": {func([]byte) []byte { return []byte("milk\neggs\n") }, ErrForeign, "no bbolt database"},
		"a long text": {
			func(b []byte) []byte { return bytes.Repeat([]byte("milk\n"), len(b)/5) }, ErrForeign, "no bbolt database",
		},
		"a record": {
			func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`"everyone"`), []byte(`"everytwo"`)) },
			storage.ErrDamaged, `record "C0/k3f9" of rules has a wrong checksum`,
		},
		"a key": {
			func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`C0/k3f9`), []byte(`C0/k3f8`)) },
			storage.ErrDamaged, `record "C0/k3f8" of rules has a wrong checksum`,
		},
		"a table's name": {
			func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`rules`), []byte(`rulet`)) },
			storage.ErrDamaged, `there is no table "rulet"`,
		},
		"zeros in the middle": {
			func(b []byte) []byte { clear(b[2*page:]); return b }, storage.ErrDamaged, "page ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := checkUnchanged(t, c.damage(slices.Clone(whole)))
			if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTheCheckRefusesWhatIsNoDatabaseOfItsOwn(t *testing.T) {
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		want string
	}{
		"another program's": {foreign(t, "b", map[string]string{"k": "v"}), "a bbolt database of another program"},
		"a newer version's": {foreign(t, metaBucket, map[string]string{applicationKey: application, formatKey: "99"}), "format 99"},
		"a directory":       {t.TempDir(), "it is a directory"},
		"a device":          {os.DevNull, "it is not a regular file"},
		"a loop of links":   {loop, loop},
		"a missing one":     {newPath(t), "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Check(c.path, storage.CheckRecord); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAWayThroughMorePagesThanADatabaseHasIsDamage(t *testing.T) {
	const size, pages = 512, 1000
	chain := make([]byte, size*pages)
	for id := range pages { // Each is a branch with one key, whose child is the next.
		b := chain[id*size:]
		order.PutUint64(b, uint64(id))
		order.PutUint16(b[8:], branchKind)
		order.PutUint16(b[10:], 1)
		order.PutUint32(b[pageHeader:], elementSize)
		order.PutUint32(b[pageHeader+4:], 1)
		order.PutUint64(b[pageHeader+8:], uint64(id+1))
	}
	w := &walk{file: bytes.NewReader(chain), pageSize: size, taken: make([]bool, pages)}
	if err := w.tree(0, "", nil, nil); !errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), "more than 64 pages") {
		t.Error(err)
	}
}

// FuzzWalk has the walk read files that are damaged in up to three places: it ends, and bbolt finds no fault with what it passes.
func FuzzWalk(f *testing.F) {
	whole := contents(f, lived(f))
	f.Add(uint32(0), uint64(0), uint32(0), uint64(0), uint32(0), uint64(0), uint32(0))
	f.Add(uint32(10), uint64(1), uint32(4096*3+10), uint64(0xffff), uint32(4096*4+12), uint64(1<<40), uint32(9))
	f.Fuzz(func(t *testing.T, at1 uint32, mask1 uint64, at2 uint32, mask2 uint64, at3 uint32, mask3 uint64, cut uint32) {
		content := slices.Clone(whole)
		for at, mask := range map[uint32]uint64{at1: mask1, at2: mask2, at3: mask3} {
			b := content[int(at)%(len(content)-8):]
			order.PutUint64(b, order.Uint64(b)^mask)
		}
		content = content[:len(content)-int(cut)%len(content)]
		refused, err := walkFile(bytes.NewReader(content), int64(len(content)), storage.CheckRecord)
		for _, err := range []error{refused, err} {
			if err != nil && !errors.Is(err, storage.ErrDamaged) {
				t.Error(err)
			}
		}
		if err == nil {
			path, _ := checkUnchanged(t, content)
			agreesWithBbolt(t, path)
		}
	})
}

// agreesWithBbolt has bbolt itself check a file whose structure was found sound.
func agreesWithBbolt(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatalf("bbolt does not open it: %v", err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt finds wrong: %v", err)
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Error(err)
	}
}

func BenchmarkCheck(b *testing.B) {
	path := filepath.Join(b.TempDir(), "c66bot.db")
	db, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	const size, batch = 100 << 20, 5000
	for i := 0; ; i++ {
		err := db.Update(b.Context(), func(tx storage.Tx) error {
			var errs []error
			for j := range batch {
				id := fmt.Sprintf("%d-%d", i, j)
				errs = append(errs, storage.Audit.Put(tx, storage.NewID(time.Now()), storage.AuditEntry{
					At: time.Now(), User: "U0123456789", Channel: "C0123456789", Action: "redeploy", Asked: "redeploy web@production --ref main",
					Stack: storage.StackRef{UID: "0123456789abcdef0123456789abcdef", Name: "web", Environment: "production"}, Operation: id,
				}))
			}
			return errors.Join(errs...)
		})
		if err != nil {
			b.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() > size {
			b.ReportMetric(float64(info.Size()>>20), "MB")
			break
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := Check(path, storage.CheckRecord); err != nil {
			b.Fatal(err)
		}
	}
}
