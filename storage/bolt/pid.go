package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	lockRetry = 50 * time.Millisecond // interval between attempts to lock the note
	noteSize  = 32                    // maximum bytes read from a note, whose content is untrusted
	maxLinks  = 40                    // maximum symbolic links followed, as in Linux
)

// LockedError means that another process has the database open. PID is 0 if unknown.
type LockedError struct {
	Path string
	PID  int
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("database %s is in use by %s: stop it first, or use another file", e.Path, e.Who())
}

// Who describes the other process.
func (e *LockedError) Who() string {
	if e.PID == 0 {
		return "another process (its id is unknown)"
	}
	return fmt.Sprintf("process %d", e.PID)
}

// Real returns the absolute path of a file without symbolic links; the file need not exist. The files next to a database thus
// have the same path whichever link names the database.
func Real(path string) string {
	for range maxLinks {
		if whole, err := filepath.EvalSymlinks(path); err == nil {
			path = whole
			break
		}
		if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			path = filepath.Join(dir, filepath.Base(path))
		}
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return absolute(path)
}

func absolute(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

// PIDPath returns the path of the note next to a database, which contains the id of the process that has it open.
func PIDPath(path string) string { return Real(path) + ".pid" }

// note is the open PID note of this process. Its lock outlives the database file: if that is deleted or replaced, only the note
// keeps a second process out.
type note struct {
	database, path string
	file           *os.File
}

// takeNote creates and locks the note. It fails with *LockedError if another process holds it.
func takeNote(database string) (*note, error) {
	n := &note{database: database, path: PIDPath(database)}
	for begun := time.Now(); ; time.Sleep(lockRetry) { // A process that only checks the note releases it at once.
		err := n.keep()
		if _, locked := errors.AsType[*LockedError](err); !locked || time.Since(begun) >= lockTimeout {
			return n, err
		}
	}
}

// keep recreates the note unless it is in place: it opens and locks the file and writes the process id.
func (n *note) keep() error {
	if n.stands(n.file) {
		return nil
	}
	file, err := openNote(n.path, os.O_RDWR|os.O_CREATE)
	if err == nil {
		if err = n.take(file); err != nil {
			err = errors.Join(err, file.Close())
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return &LockedError{Path: n.database, PID: holder(n.database)}
	}
	if err != nil {
		return fmt.Errorf("note the process id beside the database: %w", err)
	}
	if n.file != nil {
		_ = n.file.Close() // The old note was unlinked; nothing of it is left.
	}
	n.file = file
	return nil
}

// take locks the file and writes the process id. It fails with syscall.EWOULDBLOCK if another process holds the lock.
func (n *note) take(file *os.File) error {
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	if !n.stands(file) { // The previous holder has just removed it.
		return syscall.EWOULDBLOCK
	}
	_, err := file.WriteAt(ownID(), 0)
	if err == nil {
		err = file.Truncate(int64(len(ownID())))
	}
	if err != nil { // A truncated number would name another process.
		err = errors.Join(err, os.Remove(n.path))
	}
	return err
}

// stands reports whether an open file is the one at the note's path.
func (n *note) stands(file *os.File) bool {
	there, err := os.Lstat(n.path)
	if file == nil || err != nil {
		return false
	}
	mine, err := file.Stat()
	return err == nil && os.SameFile(there, mine)
}

// ownID is the content of this process's note.
func ownID() []byte { return []byte(strconv.Itoa(os.Getpid()) + "\n") }

// release removes the note and unlocks it.
func (n *note) release() error {
	var err error
	if n.stands(n.file) {
		err = os.Remove(n.path)
	}
	return wrap("remove the noted process id", errors.Join(err, n.file.Close()))
}

// stretch probes for free disk space: the note, which is open and on the same disk, grows briefly.
func (n *note) stretch() error {
	own := int64(len(ownID()))
	_, err := n.file.WriteAt(bytes.Repeat([]byte("\n"), probeSize), own)
	if err == nil {
		err = n.file.Sync()
	}
	return wrap("look for room on the disk", errors.Join(err, n.file.Truncate(own)))
}

// openNote opens only a regular file: opening a pipe would block, opening a device may activate it, and through a link the id
// would overwrite another file.
func openNote(path string, flag int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil {
		if err := refuseNote(path, info); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat() // The file may have been replaced meanwhile.
	if err == nil {
		err = refuseNote(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func refuseNote(path string, info fs.FileInfo) error {
	what := ""
	switch mode := info.Mode(); {
	case mode.IsDir():
		what = "a directory"
	case mode.Type() == fs.ModeSymlink:
		what = "a symbolic link"
	case !mode.IsRegular():
		what = "no regular file"
	default:
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
			what = "a file with another name elsewhere"
		}
	}
	if what == "" {
		return nil
	}
	return fmt.Errorf("%s is %s, and c66bot notes its process id there: remove it, or use another database", path, what)
}

// inUse returns *LockedError if a process holds the note of a database. It changes nothing.
func inUse(database string) error {
	file, err := openNote(PIDPath(database), os.O_RDONLY)
	if err != nil {
		return nil // Without a readable note no holder is known; takeNote reports what is in its way.
	}
	defer func() { _ = file.Close() }() // Read-only. Closing releases the lock.
	if errors.Is(syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		return &LockedError{Path: database, PID: holder(database)}
	}
	return nil
}

// holder returns the id of the process that has a database open, or 0 if unknown. The kernel's lock table is correct whichever
// name was used to open the file; without it the note is used.
func holder(database string) int {
	locks, err := os.ReadFile("/proc/locks") // Linux only.
	if err == nil {
		for _, path := range []string{PIDPath(database), database} {
			if pid := lockedBy(path, locks); pid > 0 {
				return pid
			}
		}
	}
	return readPID(PIDPath(database))
}

// lockedBy finds the holder of a file's lock in /proc/locks (proc_locks(5)). A line such as "1: FLOCK  ADVISORY  WRITE 4711
// fd:01:131 0 EOF" has the device in hexadecimal and the inode.
func lockedBy(path string, locks []byte) int {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	major, minor := stat.Dev>>8&0xfff|stat.Dev>>32&^0xfff, stat.Dev&0xff|stat.Dev>>12&^0xff // makedev(3)
	file := fmt.Sprintf("%02x:%02x:%d", major, minor, stat.Ino)
	for line := range bytes.Lines(locks) {
		fields := strings.Fields(string(line))
		if len(fields) > 5 && fields[1] == "FLOCK" && fields[5] == file {
			if pid, err := strconv.Atoi(fields[4]); err == nil && pid > 0 {
				return pid
			}
		}
	}
	return 0
}

func readPID(path string) int {
	file, err := openNote(path, os.O_RDONLY)
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }() // Read-only.
	pid := 0
	if _, err := fmt.Fscan(io.LimitReader(file, noteSize), &pid); err != nil || pid < 1 {
		return 0
	}
	return pid
}
