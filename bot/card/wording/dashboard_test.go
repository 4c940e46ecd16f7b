package wording

import (
	"strings"
	"testing"

	"c66bot/storage"
)

func TestADashboardsAddressIsFilledInForAStackAndEscaped(t *testing.T) {
	web := storage.StackRef{UID: "5999b763", Name: "awesome app", Environment: "production"}
	hostile := storage.StackRef{UID: "a/b", Name: "x?y=1&z#<@U1>|", Environment: ".."}
	for _, c := range []struct {
		address string
		stack   storage.StackRef
		want    string
	}{
		{"https://app.cloud66.com/dashboard", web, "https://app.cloud66.com/dashboard"},
		{"https://app.cloud66.com/stacks/{uid}", web, "https://app.cloud66.com/stacks/5999b763"},
		{"https://ops.example/{environment}/{name}?q={name}", web, "https://ops.example/production/awesome%20app?q=awesome%20app"},
		{"https://ops.example/{environment}/{name}", hostile, "https://ops.example/__/x%3Fy%3D1%26z%23%3C%40U1%3E%7C"},
		{"https://ops.example/{uid}", hostile, "https://ops.example/a%2Fb"},
		{"http://ops.example:8080/{uid}", storage.StackRef{}, "http://ops.example:8080/"},
		{"https://ops.example/{name}", storage.StackRef{Name: strings.Repeat("ü", 3000)}, ""},
		{"", web, ""},
	} {
		if got := Dashboard(c.address).Of(c.stack).String(); got != c.want {
			t.Errorf("%s of %v is %q, not %q", c.address, c.stack, got, c.want)
		}
	}
}

func TestADashboardIsAnAddressOfTheWebWithKnownPlaceholders(t *testing.T) {
	for text, want := range map[string]string{
		"https://app.cloud66.com/dashboard": "", "http://ops.example:8080/?s={uid}&n={name}#{environment}": "",
		"": "not a URL", "app.cloud66.com": "not a URL", "javascript:alert(1)": "not a URL", "ftp://a.example": "not a URL",
		"https:///x":                   "not a URL",
		"https://lin:secret@a.example": "has a user", "https://a.example/{id}": `has "{id}", which nothing fills in`,
		"https://a.example/{uid":  `has "{", which`,
		"https://{name}.example/": "cannot depend on the stack", "https://a.example/a b": "breaks a link",
		"https://a.example/<{uid}>": "breaks a link",
	} {
		got, err := ParseDashboard(text)
		if want == "" && (err != nil || string(got) != text) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q is taken as %q, %v; want %q", text, got, err, want)
		}
	}
}
