package typography

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

//go:embed emoji.tsv
var emojiTable string

// tones matches one or two skin tones behind an emoji's name, as in :+1::skin-tone-3: or :handshake::skin-tone-2-5:.
var tones = regexp.MustCompile(`^:skin-tone-([2-6])(?:-([2-6]))?:`)

// tone plus a digit of Slack's is the character of a skin tone.
const tone = '\U0001F3FB' - '2'

// emoji is an entry of the table.
type emoji struct {
	picture string
	toned   string // how it takes a skin tone: + after its first character, else the form for two tones; "" for not at all
}

// emojis is the table by name.
var emojis = sync.OnceValue(func() map[string]emoji {
	all := map[string]emoji{}
	for line := range strings.Lines(emojiTable) {
		fields := append(strings.Split(strings.TrimSuffix(line, "\n"), "\t"), "")
		if strings.HasPrefix(line, "#") {
			continue
		}
		for name := range strings.SplitSeq(fields[0], ",") {
			all[name] = emoji{fields[1], fields[2]}
		}
	}
	return all
})

// Pictures replaces emoji names by the emoji. Unknown names, such as custom emoji of a workspace, stay.
func Pictures(s string) string {
	if strings.Count(s, ":") < 2 {
		return s
	}
	var out strings.Builder
	for {
		before, behind, found := strings.Cut(s, ":")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, rest, closed := strings.Cut(behind, ":")
		e, known := emojis()[strings.ToLower(name)]
		if !closed || !known {
			out.WriteString(":")
			s = behind
			continue
		}
		picture := e.picture
		if t := tones.FindStringSubmatch(rest); t != nil {
			if toned := e.with(t[1], t[2]); toned != "" {
				picture, rest = toned, rest[len(t[0]):]
			}
		}
		out.WriteString(picture)
		s = rest
	}
}

// with returns the emoji in one or two skin tones, "" if there is none.
func (e emoji) with(first, second string) string {
	a, b := string(tone+rune(first[0])), ""
	if second != "" {
		b = string(tone + rune(second[0]))
	}
	switch {
	case e.toned == "", b != "" && e.toned == "+":
		return ""
	case b != "" && a != b:
		return strings.NewReplacer("2", a, "3", b).Replace(e.toned)
	}
	runes := []rune(e.picture)
	return string(runes[:1]) + a + strings.TrimPrefix(string(runes[1:]), "\ufe0f")
}
