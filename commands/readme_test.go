package commands

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, file := range []string{"../README.md", "README.md", "../authz/README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func TestTheReadmeNamesEveryCommandWithItsOptions(t *testing.T) {
	table := map[string]string{}
	for _, match := range regexp.MustCompile("(?m)^\\| `(/c66[^`]*)`.*$").FindAllStringSubmatch(readme(t), -1) {
		table[match[1]] = match[0]
	}
	for _, spec := range Specs {
		if spec.Button {
			continue
		}
		form := strings.Join(append([]string{"/c66", string(spec.Verb)}, spec.Words()...), " ")
		form = strings.ReplaceAll(form, "|", `\|`) // as a table needs it
		row, found := table[form]
		if !found {
			t.Errorf("the README has no row for %s", form)
		}
		for _, option := range spec.Options {
			words := strings.TrimSpace("--" + option.Name + " " + option.Value)
			if !strings.Contains(row, "`"+strings.ReplaceAll(words, "|", `\|`)+"`") {
				t.Errorf("the README's row of %s lacks %s", form, words)
			}
		}
		delete(table, form)
	}
	for form := range table {
		t.Errorf("the README has a row for %s, which is no command", form)
	}
}

func TestEveryExampleOfTheReadmeIsUnderstood(t *testing.T) {
	var prose []string
	for line := range strings.Lines(readme(t)) {
		if !strings.HasPrefix(line, "|") { // tables have forms, not examples
			prose = append(prose, line)
		}
	}
	text := strings.Join(prose, "")
	examples := regexp.MustCompile("(?m)^/c66 (.+)$").FindAllStringSubmatch(text, -1)
	examples = append(examples, regexp.MustCompile("`/c66 ([^`]+)`").FindAllStringSubmatch(text, -1)...)
	examples = append(examples, regexp.MustCompile("`@c66bot ([^`]+)`").FindAllStringSubmatch(text, -1)...)
	if len(examples) < 10 {
		t.Errorf("only %d examples were found", len(examples))
	}
	name := regexp.MustCompile(`(^| )@(\w+)`) // as Slack resolves it
	for _, example := range examples {
		if _, err := ParseHere(name.ReplaceAllString(example[1], "$1<@U0SOMEBODY|$2>"), Here{UID: "of the card"}); err != nil {
			t.Errorf("%s: %v", example[0], err)
		}
	}
}
