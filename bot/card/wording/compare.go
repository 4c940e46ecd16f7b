package wording

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"c66bot/bot/card/markup"
	"c66bot/cloud66"
)

// Changes returns the page that compares the commits of two deployments of one stack, what ships if to replaces from. It is the zero
// Address where one of the commits is unknown, where both are the same, or where the host's comparison pages are not known.
func Changes(from, to cloud66.Deployment) markup.Address {
	page := Compare(cmp.Or(to.CommitURL, from.CommitURL), from.GitHash, to.GitHash)
	if to.CommitURL != "" && from.CommitURL != "" && page != Compare(from.CommitURL, from.GitHash, to.GitHash) {
		return markup.Address{} // the stack changed its repository in between
	}
	return page
}

// WhatChanged links the page of Changes, for what is deployed; it is empty if there is none.
func WhatChanged(from, to cloud66.Deployment) markup.Text {
	return compared(Changes(from, to), "what changed")
}

// WhatChanges links a page that compares what is live with what is wanted; it is empty if there is none.
func WhatChanges(page markup.Address) markup.Text { return compared(page, "what changes") }

func compared(page markup.Address, words string) markup.Text {
	if page.Empty() {
		return markup.Text{}
	}
	return markup.Link(page, markup.Format("%s", words))
}

// Compare returns the page that shows what changes from one commit to another. where is the page of any commit of their repository, or
// the address that git knows the repository by. The host is recognized by its name, or by a path that is one product's alone.
func Compare(where, from, to string) markup.Address {
	from, to = strings.ToLower(from), strings.ToLower(to)
	if !commitHash.MatchString(from) || !commitHash.MatchString(to) || strings.HasPrefix(from, to) || strings.HasPrefix(to, from) {
		return markup.Address{}
	}
	return below(where, func(h host) string { return strings.NewReplacer("FROM", from, "TO", to).Replace(h.compare) })
}

// CommitBeside shows a commit by its full hash: shortened if its page follows from where, an address as in Compare, else whole.
func CommitBeside(where, hash string) markup.Text {
	if !commitHash.MatchString(strings.ToLower(hash)) {
		return markup.Code(hash)
	}
	page := below(where, func(h host) string { return "/" + h.commit + "/" + strings.ToLower(hash) })
	short := markup.Code(ShortHash(hash))
	if linked := markup.Link(page, short); linked != short {
		return linked
	}
	return markup.Code(hash)
}

// below returns an address below that of a repository.
func below(where string, path func(h host) string) markup.Address {
	site, parts := locate(where)
	if site == "" {
		return markup.Address{}
	}
	for _, h := range hosts {
		if repository := h.repository(site, parts); repository != nil {
			return markup.WebAddress(site + "/" + strings.Join(repository, "/") + path(h))
		}
	}
	return markup.Address{}
}

// host is a product that hosts git repositories. Its comparison pages are at compare below the repository.
type host struct {
	named   string // a word in the names of its hosts; "" if its paths are unmistakable
	commit  string // what stands between the repository and the hash of a commit's page
	deep    bool   // repositories may be in groups of groups
	compare string
}

// hosts lists GitHub and GitHub Enterprise, GitLab before and since version 12, Bitbucket Data Center, and Bitbucket Cloud. Bitbucket names
// the newer commit first.
var hosts = []host{
	{"", "-/commit", true, "/-/compare/FROM...TO"},
	{"gitlab", "commit", true, "/-/compare/FROM...TO"},
	{"github", "commit", false, "/compare/FROM...TO"},
	{"bitbucket", "commits", false, "/branches/compare/TO..FROM"},
	{dataCenter, "commits", true, "/compare/commits?sourceBranch=TO&targetBranch=FROM"},
}

// dataCenter stands for Bitbucket Data Center, whose repositories are at …/projects/KEY/repos/NAME or …/users/NAME/repos/NAME.
const dataCenter = "/repos/"

// repository returns the path of the repository in the path of a commit's page or of the repository itself, nil if it is not of this host.
func (h host) repository(site string, path []string) []string {
	between := strings.Split(h.commit, "/")
	at := len(path) - len(between) - 1
	switch {
	case at > 0 && slices.Equal(path[at:at+len(between)], between) && commitHash.MatchString(strings.ToLower(path[len(path)-1])):
		path = path[:at]
	case h.named == "" || h.named == dataCenter || slices.Contains(path, "commit") || slices.Contains(path, "commits"):
		return nil
	default:
		path = append(slices.Clone(path[:len(path)-1]), strings.TrimSuffix(path[len(path)-1], ".git"))
	}
	n := len(path)
	switch {
	case n < 2 || n > 2 && !h.deep:
		return nil
	case h.named == dataCenter:
		if n < 4 || path[n-2] != "repos" || path[n-4] != "projects" && path[n-4] != "users" {
			return nil
		}
	case !slices.Contains(strings.FieldsFunc(site, func(r rune) bool { return strings.ContainsRune(":/.-", r) }), h.named) && h.named != "":
		return nil
	}
	return path
}

var (
	// siteName matches the domain name of a host, with a port.
	siteName = regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z][a-z0-9-]*(:[0-9]{1,5})?$`)
	// segment matches a part of the path of a repository.
	segment = regexp.MustCompile(`^[A-Za-z0-9_.~-]+$`)
	// gitAddress matches the addresses that git takes besides those of the web.
	gitAddress = regexp.MustCompile(`^(?:(?:ssh|git)://(?:git@)?([^/:@]+)(?::[0-9]+)?/|git@([^/:@]+):)([^/].*)$`)
)

// locate returns the site of a web address and the parts of its path. The site is "" if the address is odd: it names a user, or its host is
// no domain name.
func locate(where string) (site string, path []string) {
	if m := gitAddress.FindStringSubmatch(where); m != nil {
		where = "https://" + m[1] + m[2] + "/" + m[3]
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || !siteName.MatchString(strings.ToLower(u.Host)) {
		return "", nil
	}
	path = strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for _, part := range path {
		if !segment.MatchString(part) || strings.Trim(part, ".") == "" {
			return "", nil
		}
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), path
}
