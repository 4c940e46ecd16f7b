package markup

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of addresses, in bytes: maxLink for an escaped address in a text, maxAddress for an address in a button.
const (
	maxLink    = 600
	maxAddress = 3000
)

// Address is a web address. The zero Address means none.
type Address struct{ url string }

// WebAddress parses an address. It returns the zero Address unless s has the scheme http or https and a host, and is free of user
// information and of characters that would break a link.
func WebAddress(s string) Address {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || len(s) > maxAddress ||
		strings.ContainsFunc(s, breaksLink) {
		return Address{}
	}
	return Address{s}
}

func breaksLink(r rune) bool {
	return strings.ContainsRune("|<>\"`", r) || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) ||
		r == utf8.RuneError
}

// Empty reports whether a is the zero Address.
func (a Address) Empty() bool { return a.url == "" }

// String returns the unescaped address, for a button.
func (a Address) String() string { return a.url }

// Link links a label to an address. It returns the bare label if the address is empty or too long, or if the label contains a link, mention
// or date.
func Link(to Address, label Text) Text {
	written := entities.Replace(to.url)
	if to.Empty() || len(written) > maxLink || label.Empty() || strings.ContainsAny(label.s, "<>\n") {
		return label
	}
	return Text{"<" + written + "|" + label.s + ">"}
}
