package typography

import (
	"regexp"
	"strings"

	"github.com/kyokomi/emoji/v2"
)

// Slack writes an emoji as its name between colons, followed by a skin tone as in :+1::skin-tone-3:.
var (
	tone     = regexp.MustCompile(`^:skin-tone-[2-6]:`)
	country  = regexp.MustCompile(`^flag-([a-z])([a-z])$`)
	gendered = regexp.MustCompile(`^(wo)?m[ae]n[-_]|^(fe)?male[-_]|[-_](wo)?man$|^mer(man|maid)$`)
	noGender = strings.NewReplacer("\u200d♂\ufe0f", "", "\u200d♀\ufe0f", "")
)

// flag plus a letter is one of the two characters of a country's flag.
const flag = '\U0001F1E6' - 'a'

// otherwise holds the names with a different meaning in Slack than in the library's table.
var otherwise = map[string]string{
	"family": "👪", "m": "Ⓜ️", "man_with_turban": "👳", "ok_woman": "🙆", "pencil": "📝", "sun_behind_cloud": "🌥️",
}

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
		picture := ""
		if closed {
			picture = pictureOf(strings.ToLower(name))
		}
		if picture == "" {
			out.WriteString(":")
			s = behind
			continue
		}
		if t := tone.FindString(rest); t != "" {
			if toned := withTone(picture, pictureOf(strings.Trim(t, ":"))); toned != "" {
				picture, rest = toned, rest[len(t):]
			}
		}
		out.WriteString(picture)
		s = rest
	}
}

// pictureOf returns the emoji of a name, "" if there is none.
func pictureOf(name string) string {
	if other := otherwise[name]; other != "" {
		return other
	}
	if letters := country.FindStringSubmatch(name); letters != nil {
		return string([]rune{flag + rune(letters[1][0]), flag + rune(letters[2][0])})
	}
	picture := emoji.CodeMap()[":"+name+":"]
	if !gendered.MatchString(name) { // the table sometimes adds a gender, Slack does not
		picture = noGender.Replace(picture)
	}
	return picture
}

// withTone returns an emoji in a skin tone, "" if there is none.
func withTone(picture, tone string) string {
	runes := []rune(picture)
	rest := strings.TrimPrefix(string(runes[1:]), "\ufe0f")
	toned := string(runes[:1]) + tone + rest
	if len(emoji.RevCodeMap()[toned]) == 0 {
		return ""
	}
	return toned
}
