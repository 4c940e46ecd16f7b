package cloud66sim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// digest is the only source of made-up values: the same parts give the same 32 bytes.
func digest(parts ...any) []byte {
	sum := sha256.Sum256([]byte(fmt.Sprintln(parts...)))
	return sum[:]
}

// pick is a number from 0 to n-1 that depends on the parts alone.
func pick(n int, parts ...any) int {
	return int(binary.BigEndian.Uint32(digest(parts...)) % uint32(n))
}

// commitHash is the 40 hexadecimal digits that a ref stands for; a full hash stands for itself.
func commitHash(uid, ref string, id int64) string {
	if lower := strings.ToLower(ref); fullHash.MatchString(lower) {
		return lower
	}
	return hex.EncodeToString(digest("commit", uid, ref, id)[:20])
}

// deploySession is ten letters and digits.
func deploySession(id int64) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	sum := digest("session", id)
	session := make([]byte, 10)
	for i := range session {
		session[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(session)
}

// snapshotUUID is a version 4 UUID.
func snapshotUUID(id int64) string {
	sum := digest("snapshot", id)
	sum[6] = sum[6]&0x0f | 0x40
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// commitURL is the page of a commit in a repository that is given in any of git's usual notations.
func commitURL(git, hash string) string {
	repository := strings.TrimSuffix(git, ".git")
	if _, rest, found := strings.Cut(repository, "://"); found {
		repository = rest
	}
	if _, rest, found := strings.Cut(repository, "@"); found {
		repository = rest
	}
	return "https://" + strings.Replace(repository, ":", "/", 1) + "/commit/" + hash
}
