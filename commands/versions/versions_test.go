package versions

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/cloud66"
	"c66bot/storage"
)

var midnight = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

func at(hour int) time.Time { return midnight.Add(time.Duration(hour) * time.Hour) }

// hash is a full commit hash of one digit.
func hash(digit string) string { return strings.Repeat(digit, 40) }

// ended is a deployment of a commit that succeeded, in an hour that is its number too.
func ended(hour int, commit string, change ...func(d *cloud66.Deployment)) cloud66.Deployment {
	d := cloud66.Deployment{
		ID: int64(hour), GitHash: commit, StartedAt: at(hour).Add(-time.Minute), FinishedAt: at(hour),
		Outcome:    cloud66.Value[cloud66.Outcome]{Kind: cloud66.OutcomeSuccess},
		DeployType: cloud66.Value[cloud66.DeployType]{Kind: cloud66.TypeBuild},
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

func live(d *cloud66.Deployment)   { d.IsLive = true }
func failed(d *cloud66.Deployment) { d.Outcome.Kind = cloud66.OutcomeFailed }
func scale(d *cloud66.Deployment)  { d.DeployType.Kind = cloud66.TypeScale }
func running(d *cloud66.Deployment) {
	d.IsDeploying, d.FinishedAt, d.Outcome.Kind = true, time.Time{}, cloud66.OutcomePending
}

func reverted(hour int) func(d *cloud66.Deployment) {
	return func(d *cloud66.Deployment) { d.Reverted, d.RevertedAt = true, at(hour) }
}

// kept is what the bot remembers of a deployment, with its services.
func kept(d cloud66.Deployment, services string) storage.Deployed {
	k := Ended("web1", d)
	k.Services = services
	return k
}

// told is a version in a line: its deployments, its commit, its services, and when it was live.
func told(v Version) string {
	hour := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return fmt.Sprint(int(t.Sub(midnight).Hours()))
	}
	return fmt.Sprintf("%v %.2s %s %s-%s", v.Deployments, v.Commit, v.Services, hour(v.From), hour(v.Until))
}

func TestWhatWasLiveIsTheSuccessesUpToTheNextOne(t *testing.T) {
	a, b, c := hash("a"), hash("b"), hash("c")
	for name, tt := range map[string]struct {
		listed []cloud66.Deployment
		kept   []storage.Deployed
		want   []string // the live one first
	}{
		"nothing was deployed": {want: []string{"[]   -"}},
		"only failures":        {listed: []cloud66.Deployment{ended(2, b, failed), ended(1, a, failed)}, want: []string{"[]   -"}},
		"the first one":        {listed: []cloud66.Deployment{ended(1, a, live)}, want: []string{"[1] aa  1-"}},
		"one after the other": {
			listed: []cloud66.Deployment{ended(3, c, live), ended(2, b), ended(1, a)},
			want:   []string{"[3] cc  3-", "[2] bb  2-3", "[1] aa  1-2"},
		},
		"a failure, a running one and a scaling bring nothing": {
			listed: []cloud66.Deployment{ended(6, a, running), ended(5, b, scale), ended(4, b, live), ended(3, c, failed), ended(1, a)},
			want:   []string{"[4] bb  4-", "[1] aa  1-4"},
		},
		"a scaling that Cloud 66 calls live has the version of the one before": {
			listed: []cloud66.Deployment{ended(5, b, scale, live), ended(4, b, live), ended(1, a)},
			want:   []string{"[5 4] bb  4-", "[1] aa  1-4"},
		},
		"the same commit again is one version": {
			listed: []cloud66.Deployment{ended(4, b, live), ended(3, a), ended(2, a), ended(1, c)},
			want:   []string{"[4] bb  4-", "[3 2] aa  2-4", "[1] cc  1-2"},
		},
		"a version that came back is listed once, with its last time": {
			listed: []cloud66.Deployment{ended(4, c, live), ended(3, a), ended(2, b), ended(1, a)},
			want:   []string{"[4] cc  4-", "[3 1] aa  3-4", "[2] bb  2-3"},
		},
		"a version that came back is what is live, with its last time": {
			listed: []cloud66.Deployment{ended(3, a, live), ended(2, b), ended(1, a)},
			want:   []string{"[3 1] aa  3-", "[2] bb  2-3"},
		},
		"a rollback by hand makes the one before live again": {
			listed: []cloud66.Deployment{ended(3, b, reverted(5)), ended(2, a, live), ended(1, c)},
			want:   []string{"[2] aa  5-", "[3] bb  3-5", "[1] cc  1-2"},
		},
		"where Cloud 66 calls nothing live, there were versions all the same": {
			listed: []cloud66.Deployment{ended(2, b), ended(1, a)}, want: []string{"[]   -", "[2] bb  2-", "[1] aa  1-2"},
		},
		"the bot remembers those that are not listed": {
			listed: []cloud66.Deployment{ended(3, c, live)}, kept: []storage.Deployed{kept(ended(1, a), ""), kept(ended(2, b, failed), "")},
			want: []string{"[3] cc  3-", "[1] aa  1-3"},
		},
		"what Cloud 66 says now counts": {
			listed: []cloud66.Deployment{ended(3, c, live), ended(2, b, failed)}, kept: []storage.Deployed{kept(ended(2, b), "")},
			want: []string{"[3] cc  3-"},
		},
		"of a docker stack the services tell the version, not the commit": {
			listed: []cloud66.Deployment{ended(4, a, live), ended(3, a), ended(2, b), ended(1, a)},
			kept:   []storage.Deployed{kept(ended(4, a), "api:v2"), kept(ended(3, a), "api:v1"), kept(ended(2, b), "api:v1")},
			want:   []string{"[4] aa api:v2 4-", "[3 2] aa api:v1 2-4", "[1] aa  1-2"},
		},
		"without a commit, each deployment is a version": {
			listed: []cloud66.Deployment{ended(3, "", live), ended(2, ""), ended(1, "")},
			want:   []string{"[3]   3-", "[2]   2-3", "[1]   1-2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			now, before := Of(tt.listed, tt.kept)
			got := []string{told(now)}
			for _, v := range before {
				got = append(got, told(v))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			slices.Reverse(tt.listed)
			if again, rest := Of(tt.listed, tt.kept); cmp.Diff(now, again) != "" || cmp.Diff(before, rest) != "" {
				t.Error("the order of the list matters")
			}
		})
	}
}

func TestOnlyACommitThatWentLiveWasLive(t *testing.T) {
	a, b, c := hash("a"), hash("b"), hash("c")
	listed := []cloud66.Deployment{ended(4, c, running), ended(3, b, failed), ended(2, a, live)}
	remembered := []storage.Deployed{kept(ended(1, hash("d")), ""), kept(ended(0, b, scale), "")}
	for commit, want := range map[string]bool{
		a: true, strings.ToUpper(a): true, hash("d"): true, b: false, c: false, hash("e"): false, a[:39]: false, a[:7]: false, "": false,
	} {
		if got := WasLive(listed, remembered, commit); got != want {
			t.Errorf("%q was live: %t", commit, got)
		}
	}
	if WasLive([]cloud66.Deployment{ended(1, "", live)}, nil, "") {
		t.Error("no commit was live")
	}
}

func TestAVersionTellsWhetherItsStackFellIll(t *testing.T) {
	a, b, c, d := hash("a"), hash("b"), hash("c"), hash("d")
	ill := func(of cloud66.Deployment, after time.Duration) storage.Deployed {
		k := kept(of, "")
		k.SeenAt = of.FinishedAt.Add(time.Hour) // by another clock
		if after > 0 {
			k.UnhealthyAt = k.SeenAt.Add(after)
		}
		return k
	}
	listed := []cloud66.Deployment{ended(6, d, live), ended(5, c), ended(4, c), ended(3, b), ended(2, a)}
	remembered := []storage.Deployed{
		ill(ended(1, b), 3*time.Minute), ill(ended(2, a), 4*time.Minute), ill(ended(3, b), 0),
		ill(ended(4, c), 5*time.Minute), ill(ended(5, c), 0),
	}
	now, before := Of(listed, remembered)
	got := []time.Duration{now.IllAfter}
	for _, v := range before {
		got = append(got, v.IllAfter)
	}
	// The last time that b was live it was well. Two deployments of c were one time.
	if want := []time.Duration{0, 5 * time.Minute, 0, 4 * time.Minute}; !slices.Equal(got, want) {
		t.Errorf("they fell ill after %v, want %v", got, want)
	}
}

func TestServicesAreWrittenAsTheyAreRequested(t *testing.T) {
	services := []cloud66.Service{
		{Name: "web", ImageTag: "v1"}, {Name: "job", GitRef: "feature/x", ImageTag: "built"}, {Name: "odd"}, {Name: "a:b", ImageTag: "v1"},
		{Name: "c", ImageTag: "x,y"},
	}
	if got := Services(services); got != "job:feature/x,web:v1" {
		t.Errorf("they are %q", got)
	}
	for sent, want := range map[string]string{"": "", "web": "", "web:v2,job,api@sha256:9f": "api@sha256:9f,web:v2"} {
		if got := Sent(sent); got != want {
			t.Errorf("of %q was sent %q", sent, got)
		}
	}
	for some, want := range map[string]bool{"": true, "web:v1": true, "web:v2": false, "job:feature/x,web:v1": true, "api:v1": false} {
		if got := Holds("job:feature/x,web:v1", some); got != want {
			t.Errorf("they hold %q: %t", some, got)
		}
	}
}
