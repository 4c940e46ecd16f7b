package wording

import (
	"strings"
	"testing"

	"c66bot/cloud66"
)

const older, newer = "5675fcd8f9e6dc534ecf1410c0661c066097e310", "a1b2c3d4e5f6789012345678901234567890abcd"

func TestTwoCommitsAreComparedWhereTheirHostIsKnown(t *testing.T) {
	tests := map[string]struct{ where, want string }{
		"github":               {"https://github.com/acme/web/commit/" + newer, "https://github.com/acme/web/compare/OLD...NEW"},
		"github, other commit": {"https://github.com/acme/web/commit/1234567", "https://github.com/acme/web/compare/OLD...NEW"},
		"github enterprise": {
			"https://github.acme.example:8443/acme/web/commit/" + newer,
			"https://github.acme.example:8443/acme/web/compare/OLD...NEW",
		},
		"github with a tail": {
			"https://GitHub.com/acme/web.js/commit/" + newer + "/?w=1#diff",
			"https://github.com/acme/web.js/compare/OLD...NEW",
		},
		"github over ssh":       {"git@github.com:acme/web.git", "https://github.com/acme/web/compare/OLD...NEW"},
		"github over ssh, long": {"ssh://git@github.com:22/acme/web.git", "https://github.com/acme/web/compare/OLD...NEW"},
		"github over git":       {"git://github.com/acme/web.git", "https://github.com/acme/web/compare/OLD...NEW"},
		"github over https":     {"https://github.com/acme/web.git", "https://github.com/acme/web/compare/OLD...NEW"},
		"gitlab": {
			"https://gitlab.com/acme/shop/web/-/commit/" + newer,
			"https://gitlab.com/acme/shop/web/-/compare/OLD...NEW",
		},
		"gitlab before 12": {"https://gitlab.com/acme/web/commit/" + newer, "https://gitlab.com/acme/web/-/compare/OLD...NEW"},
		"gitlab over ssh":  {"git@gitlab.com:acme/shop/web.git", "https://gitlab.com/acme/shop/web/-/compare/OLD...NEW"},
		"gitlab of one's own": {
			"http://code.acme.example/web/shop/-/commit/" + newer,
			"http://code.acme.example/web/shop/-/compare/OLD...NEW",
		},
		"bitbucket": {
			"https://bitbucket.org/acme/web/commits/" + newer,
			"https://bitbucket.org/acme/web/branches/compare/NEW..OLD",
		},
		"bitbucket over ssh": {"git@bitbucket.org:acme/web.git", "https://bitbucket.org/acme/web/branches/compare/NEW..OLD"},
		"bitbucket data center": {
			"https://git.acme.example/projects/WEB/repos/shop/commits/" + newer,
			"https://git.acme.example/projects/WEB/repos/shop/compare/commits?sourceBranch=NEW&targetBranch=OLD",
		},
		"bitbucket of a person": {
			"https://bitbucket.acme.example/stash/users/lin/repos/web/commits/" + newer,
			"https://bitbucket.acme.example/stash/users/lin/repos/web/compare/commits?sourceBranch=NEW&targetBranch=OLD",
		},
		"an unknown host":        {"https://git.example/acme/web/commit/" + newer, ""},
		"an unknown repository":  {"git@git.example:acme/web.git", ""},
		"no host":                {"", ""},
		"a script":               {"javascript:alert(1)//github.com/acme/web/commit/" + newer, ""},
		"a name like github":     {"https://notgithub.com/acme/web/commit/" + newer, ""},
		"a user":                 {"https://lin:secret@github.com/acme/web/commit/" + newer, ""},
		"a user over ssh":        {"ssh://lin:secret@github.com/acme/web.git", ""},
		"github as a user":       {"https://github.com@evil.example/acme/web/commit/" + newer, ""},
		"an address":             {"https://10.0.0.5/acme/web/-/commit/" + newer, ""},
		"an address of six":      {"https://[::1]/acme/web/-/commit/" + newer, ""},
		"no domain":              {"https://localhost/acme/web/-/commit/" + newer, ""},
		"a letter that looks so": {"https://gіthub.com/acme/web/commit/" + newer, ""},
		"a way up":               {"https://github.com/acme/../web/commit/" + newer, ""},
		"markup in the path":     {"https://github.com/acme/a|b>/commit/" + newer, ""},
		"an escape in the path":  {"https://github.com/acme/a%2Fb/commit/" + newer, ""},
		"a deeper github":        {"https://github.com/acme/shop/web/commit/" + newer, ""},
		"a page of something":    {"https://github.com/acme/web/commit/main", ""},
		"the host alone":         {"https://github.com/", ""},
		"an owner alone":         {"https://github.com/acme", ""},
		"a host with nothing":    {"https:///acme/web/commit/" + newer, ""},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			want := strings.NewReplacer("OLD", older, "NEW", newer).Replace(c.want)
			if got := Compare(c.where, older, newer).String(); got != want {
				t.Errorf("%s is compared at %q, not %q", c.where, got, want)
			}
		})
	}
}

func TestWhatIsNotKnownOrDoesNotChangeHasNoComparison(t *testing.T) {
	page := "https://github.com/acme/web/commit/" + newer
	for name, c := range map[string][2]string{
		"nothing live": {"", newer}, "nothing wanted": {older, ""}, "the same": {newer, newer}, "the same, shorter": {newer[:7], newer},
		"the same in capitals": {strings.ToUpper(newer), newer}, "a branch": {older, "main"}, "markup": {older, "a1b2c3d|>"},
		"short": {older, "a1b2c3"},
	} {
		if got := Compare(page, c[0], c[1]); !got.Empty() {
			t.Errorf("%s: %s", name, got)
		}
	}
	live := cloud66.Deployment{GitHash: older, CommitURL: "https://github.com/acme/web/commit/" + older}
	wanted := cloud66.Deployment{GitHash: newer, CommitURL: page}
	want := "https://github.com/acme/web/compare/" + older + "..." + newer
	for name, c := range map[string]struct {
		from, to cloud66.Deployment
		want     string
	}{
		"both":               {live, wanted, want},
		"the page of one":    {live, cloud66.Deployment{GitHash: newer}, want},
		"another repository": {cloud66.Deployment{GitHash: older, CommitURL: "https://github.com/acme/old/commit/" + older}, wanted, ""},
		"nothing live":       {cloud66.Deployment{}, wanted, ""},
	} {
		if got := Changes(c.from, c.to).String(); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
		said := ""
		if c.want != "" {
			said = "<" + c.want + "|what changed>"
		}
		if got := WhatChanged(c.from, c.to).String(); got != said {
			t.Errorf("%s: it says %q, not %q", name, got, said)
		}
	}
}

func TestACommitIsShortenedWhereItsPageFollowsFromAnotherAndElseShownInWhole(t *testing.T) {
	for where, want := range map[string]string{
		"https://github.com/acme/web/commit/" + older:            "<https://github.com/acme/web/commit/" + newer + "|`" + newer[:7] + "`>",
		"https://gitlab.com/acme/apps/web/-/commit/" + older:     "<https://gitlab.com/acme/apps/web/-/commit/" + newer + "|`" + newer[:7] + "`>",
		"https://bitbucket.org/acme/web/commits/" + older:        "<https://bitbucket.org/acme/web/commits/" + newer + "|`" + newer[:7] + "`>",
		"https://github.com/acme/web.git":                        "<https://github.com/acme/web/commit/" + newer + "|`" + newer[:7] + "`>",
		"https://code.example.com/acme/web/commit/" + older:      "`" + newer + "`",
		"https://kim@github.com/acme/web/commit/" + older:        "`" + newer + "`",
		"https://github.com/acme/" + strings.Repeat("long", 999): "`" + newer + "`",
		"": "`" + newer + "`",
	} {
		if got := CommitBeside(where, newer).String(); got != want {
			t.Errorf("%s: %s, not %s", where, got, want)
		}
	}
	if got := CommitBeside("https://github.com/acme/web/commit/"+older, "main|>").String(); strings.Contains(got, "https") {
		t.Errorf("what is no commit is linked: %s", got)
	}
}
