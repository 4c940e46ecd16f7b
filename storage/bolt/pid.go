package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// LockedError says that another process has the database open. PID is 0 when it is not known.
type LockedError struct {
	Path string
	PID  int
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("database %s is in use by %s: stop it first, or use another file", e.Path, e.Who())
}

// Who names the other process.
func (e *LockedError) Who() string {
	if e.PID == 0 {
		return "another process (its id is unknown)"
	}
	return fmt.Sprintf("process %d", e.PID)
}

// PIDPath is the file beside a database with the id of the process that has it open. It is only a hint for people: the
// lock on the database is what counts.
func PIDPath(path string) string { return path + ".pid" }

func writePID(path string) error {
	text := strconv.Itoa(os.Getpid()) + "\n"
	if err := os.WriteFile(PIDPath(path), []byte(text), 0o600); err != nil {
		_ = os.Remove(PIDPath(path)) // Half a number would name another process.
		return fmt.Errorf("note the process id beside the database: %w", err)
	}
	return nil
}

func readPID(path string) int {
	text, err := os.ReadFile(PIDPath(path))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 1 {
		return 0
	}
	return pid
}

func removePID(path string) error {
	if err := os.Remove(PIDPath(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the noted process id: %w", err)
	}
	return nil
}
