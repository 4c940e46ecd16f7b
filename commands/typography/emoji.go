package typography

import (
	"regexp"
	"strings"

	"github.com/kyokomi/emoji/v2"
)

// Slack writes an emoji as its name between colons, with the tone of the skin behind it as in :+1::skin-tone-3:.
var (
	tone     = regexp.MustCompile(`^:skin-tone-[2-6]:`)
	country  = regexp.MustCompile(`^flag-([a-z])([a-z])$`)
	gendered = regexp.MustCompile(`^(wo)?m[ae]n[-_]|^(fe)?male[-_]|[-_](wo)?man$|^mer(man|maid)$`)
	noGender = strings.NewReplacer("\u200d♂\ufe0f", "", "\u200d♀\ufe0f", "")
)

// otherwise holds names that stand for something else in Slack than in the library's table.
var otherwise = map[string]string{
	"family": "👪", "m": "Ⓜ️", "man_with_turban": "👳", "ok_woman": "🙆", "pencil": "📝", "sun_behind_cloud": "🌥️",
}

// Pictures puts emoji in the place of their names. What is no name of one, as a workspace's own, stays.
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

// pictureOf gives the emoji of a name, "" where there is none.
func pictureOf(name string) string {
	if other := otherwise[name]; other != "" {
		return other
	}
	if letters := country.FindStringSubmatch(name); letters != nil {
		return regional(letters[1]) + regional(letters[2])
	}
	picture := emoji.CodeMap()[":"+name+":"]
	if !gendered.MatchString(name) { // to which the table gives a gender now and then, and Slack none
		picture = noGender.Replace(picture)
	}
	return picture
}

// regional is the sign of which two make a flag.
func regional(letter string) string { return string('\U0001F1E6' + rune(letter[0]-'a')) }

// withTone gives a picture in a tone of the skin, "" where it has none.
func withTone(picture, tone string) string {
	runes := []rune(picture)
	rest := strings.TrimPrefix(string(runes[1:]), "\ufe0f")
	toned := string(runes[:1]) + tone + rest
	if len(emoji.RevCodeMap()[toned]) == 0 {
		return ""
	}
	return toned
}
