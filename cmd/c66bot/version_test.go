package main

import (
	"bytes"
	"encoding/json"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheVersionComesFromTheLinkerOrElseFromTheBuild(t *testing.T) {
	recorded := debug.BuildInfo{Main: debug.Module{Version: "v0.0.1"}}
	recorded.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}}
	dirty := recorded
	dirty.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}
	tests := []struct {
		name            string
		version, commit string
		recorded        debug.BuildInfo
		want            buildInfo
	}{
		{"the linker's words come first", "v1.2.3", "def", recorded, buildInfo{"v1.2.3", "def", runtime.Version()}},
		{"the build's record stands in", "", "", recorded, buildInfo{"v0.0.1", "abc", runtime.Version()}},
		{"a changed checkout is marked", "", "", dirty, buildInfo{"v0.0.1", "abc+dirty", runtime.Version()}},
		{"without both nothing is known", "", "", debug.BuildInfo{}, buildInfo{"unknown", "unknown", runtime.Version()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, buildFrom(tt.version, tt.commit, &tt.recorded)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVersionPrintsOneObjectWithJSON(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"version", "--json"}, nil, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit status %d: %s", code, &stderr)
	}
	var got map[string]string
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v in %q", err, &stdout)
	}
	now := currentBuild()
	if diff := cmp.Diff(map[string]string{"version": now.Version, "commit": now.Commit, "go": runtime.Version()}, got); diff != "" {
		t.Error(diff)
	}
}
