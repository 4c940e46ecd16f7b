package main

import (
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

const repository = "../.."

// readmes are the repository's own README files by their paths in it.
func readmes(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if err != nil || entry.Name() != "README.md" {
			return err
		}
		text, err := os.ReadFile(path)
		texts[strings.TrimPrefix(filepath.ToSlash(path), repository+"/")] = string(text)
		return err
	})
	if err != nil || len(texts) < 6 {
		t.Fatalf("%d files README.md were found: %v", len(texts), err)
	}
	return texts
}

// readme is all of them in one text.
func readme(t *testing.T) string {
	t.Helper()
	texts := readmes(t)
	var all strings.Builder
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		all.WriteString(texts[path] + "\n")
	}
	return all.String()
}

// fenced are the contents of the README's code blocks of one language, without an indentation.
func fenced(t *testing.T, language string) []string {
	t.Helper()
	var blocks []string
	for _, match := range regexp.MustCompile("(?ms)^( *)```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(readme(t), -1) {
		blocks = append(blocks, strings.ReplaceAll("\n"+match[2], "\n"+match[1], "\n")[1:])
	}
	if len(blocks) == 0 {
		t.Fatalf("the README has no block of %s", language)
	}
	return blocks
}

// rows are the README's table rows by what their first cell holds between backquotes.
func rows(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)`.*$").FindAllStringSubmatch(readme(t), -1) {
		found[match[1]] = match[0]
	}
	return found
}

func TestEveryCommandOfTheReadmeWorksAsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	bot := w.serve(t)
	w.readyz(t, bot, http.StatusOK)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "c66bot.db"), read(t, newDatabase(t, 10)), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "c66bot")); err != nil {
		t.Fatal(err)
	}
	// shell runs a command in the directory of the binary, or in the repository.
	shell := func(where, line string) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			cmd := exec.CommandContext(t.Context(), "sh", "-euc", line)
			cmd.Dir, cmd.Env = where, append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0", "C66BOT_HTTP_ADDR="+w.addr)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", line, err, text)
			}
		}
	}
	elsewhere := func(*testing.T) {}
	tests := map[string]func(*testing.T){
		"go run ./cmd/c66bot demo": func(t *testing.T) { // The story itself has a test of its own.
			t.Helper()
			if text, err := program(t, nil, "demo", "--help").CombinedOutput(); err != nil || !strings.Contains(string(text), "--speed") {
				t.Errorf("demo --help: %v\n%s", err, text)
			}
		},
		"go run ./cmd/c66bot manifest": func(t *testing.T) {
			t.Helper()
			if text, err := program(t, nil, "manifest").Output(); err != nil || string(text) != fenced(t, "yaml")[0] {
				t.Errorf("manifest: %v; it does not print the README's manifest but\n%s", err, text)
			}
		},
		"go test ./...": elsewhere, // This very run.
		"docker build -t c66bot .": dockerfileKeeps(
			"RUN go build -trimpath",
			`ENTRYPOINT ["/c66bot"]`,
			`CMD ["serve"]`,
			`CMD ["/c66bot", "health"]`,
		),
		"docker run -d --name c66bot --restart unless-stopped --env-file .env " +
			"-v c66bot-data:/data -p 127.0.0.1:8067:8067 c66bot": dockerfileKeeps(
			"VOLUME /data",
			"C66BOT_STORAGE_PATH=/data/c66bot.db",
			"C66BOT_HTTP_ADDR=:8067",
			"EXPOSE 8067",
		),
		"CGO_ENABLED=0 go build -trimpath -o c66bot ./cmd/c66bot": shell(repository,
			// The build itself takes a minute where nothing is cached, and .ci/run does it.
			"CGO_ENABLED=0 go build -n -trimpath -o c66bot ./cmd/c66bot"),
		"docker exec c66bot /c66bot health":                dockerfileKeeps("COPY --from=build /out/c66bot /c66bot"),
		"./c66bot version":                                 shell(dir, "./c66bot version"),
		"./c66bot serve":                                   elsewhere, // The bot that health asks here is such a one.
		"./c66bot health":                                  shell(dir, "./c66bot health"),
		"./c66bot backup c66bot.db.backup":                 shell(dir, "./c66bot backup c66bot.db.backup"),
		"./c66bot audit --stack web@production --since 7d": shell(dir, "./c66bot audit --stack web@production --since 7d"),
		"./c66bot audit --csv >audit.csv":                  shell(dir, "./c66bot audit --csv >audit.csv"),
		"./c66bot audit --digest":                          shell(dir, "./c66bot audit --digest"),
		"mv c66bot.db c66bot.db.damaged":                   shell(dir, "mv c66bot.db c66bot.db.damaged"),
		"cp c66bot.db.backup c66bot.db":                    shell(dir, "cp c66bot.db.backup c66bot.db; ./c66bot backup another.backup"),
	}
	met := map[string]bool{}
	for _, block := range fenced(t, "sh") {
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			check, known := tests[line]
			if !known {
				t.Errorf("nobody has tried the README's command %q", line)
				continue
			}
			met[line] = true
			t.Run(line, check)
		}
	}
	if len(met) != len(tests) {
		t.Errorf("the README has %d of the %d commands that are tried here", len(met), len(tests))
	}
}

// dockerfileKeeps checks what a command of the README relies on, where no container can be run.
func dockerfileKeeps(parts ...string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(repository, "Dockerfile"))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if !strings.Contains(string(text), part) {
				t.Errorf("the Dockerfile lacks %q", part)
			}
		}
	}
}

func TestTheReadmeNamesEverySettingWithItsDefault(t *testing.T) {
	table := rows(t)
	for _, s := range settings {
		value := "none"
		switch {
		case s.required:
			value = "required"
		case s.fallback != "":
			value = "`" + s.fallback + "`"
		}
		want := "| `" + envName(s.key) + "` | `" + s.key + "` | " + value + " | "
		if row := table[envName(s.key)]; !strings.HasPrefix(row, want) {
			t.Errorf("the README's row of %s is %q, want it to begin with %q", s.key, row, want)
		}
	}
	for name := range table {
		if strings.HasPrefix(name, envPrefix) && !slices.ContainsFunc(settings, func(s setting) bool { return envName(s.key) == name }) {
			t.Errorf("the README has a row for %s, which is no setting", name)
		}
	}
}

func TestTheReadmeExplainsEveryMetric(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	bot := w.serve(t)
	w.readyz(t, bot, http.StatusOK)
	w.command(t, "/c66 help") // Counters show once they have counted.
	var metrics string
	w.until(t, bot, "the envelope is counted", func() bool { // which it is after its acknowledgement
		var err error
		if _, metrics, err = get(t.Context(), "http://"+w.addr+"/metrics"); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(metrics, "c66bot_envelopes_total{")
	})
	named := regexp.MustCompile(`(?m)^# TYPE (c66bot_\w+)`).FindAllStringSubmatch(metrics, -1)
	if len(named) < 7 {
		t.Errorf("only %d metrics were found:\n%s", len(named), metrics)
	}
	for _, name := range named {
		if _, found := rows(t)[name[1]]; !found {
			t.Errorf("the README does not say what %s is", name[1])
		}
	}
}

// TestEveryLinkOfAReadmeLeadsSomewhere follows the links within the repository, with their anchors.
func TestEveryLinkOfAReadmeLeadsSomewhere(t *testing.T) {
	texts, links := readmes(t), 0
	for path, text := range texts {
		for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(match[1], "#")
			target := filepath.ToSlash(filepath.Join(filepath.Dir(path), file))
			if file == "" {
				target = path
			}
			if _, err := os.Stat(filepath.Join(repository, target)); err != nil {
				t.Errorf("%s: the link %s leads nowhere: %v", path, match[1], err)
			}
			if anchor != "" && !slices.Contains(anchors(texts[target]), anchor) {
				t.Errorf("%s: %s has no heading for the link %s", path, target, match[1])
			}
		}
	}
	if links < 10 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors are the names that GitHub gives to a text's headings.
func anchors(text string) []string {
	var names []string
	for _, match := range regexp.MustCompile("(?m)^#+ (.+)$").FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestEveryNameInAReadmeExists looks up the tests that the README files name, and the packages.
func TestEveryNameInAReadmeExists(t *testing.T) {
	named := regexp.MustCompile(`go test (?:-\S+ )*-run (\w+)(?: -\S+| \d+)* (\./\S+)`).FindAllStringSubmatch(readme(t), -1)
	if len(named) < 2 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, name := range named {
		files, err := filepath.Glob(filepath.Join(repository, name[2], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			return regexp.MustCompile(`func (Test|Benchmark)\w*` + name[1]).Match(read(t, file))
		}) {
			t.Errorf("no test in %s is called %s", name[2], name[1])
		}
	}
	for _, name := range regexp.MustCompile(`go doc c66bot/([\w/]+)`).FindAllStringSubmatch(readme(t), -1) {
		if _, err := os.Stat(filepath.Join(repository, name[1])); err != nil {
			t.Errorf("%s: %v", name[0], err)
		}
	}
}
