package markup

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLink is how long an address in a text can be, as it is written there, and maxAddress how long the one of a button, both in bytes.
const (
	maxLink    = 600
	maxAddress = 3000
)

// Address is an address of the web that may be followed. The zero Address is none.
type Address struct{ url string }

// WebAddress reads an address. It is none unless it is one of the web, with a host, without a
// name or password before it, and free of what would end a link early.
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

// Empty reports whether it is none.
func (a Address) Empty() bool { return a.url == "" }

// String is the address as it is, for a button.
func (a Address) String() string { return a.url }

// Link shows a label that leads to an address. It is the label alone where the address is none or too long for a text, and where the label
// has a link, mention or date of its own.
func Link(to Address, label Text) Text {
	written := entities.Replace(to.url)
	if to.Empty() || len(written) > maxLink || label.Empty() || strings.ContainsAny(label.s, "<>\n") {
		return label
	}
	return Text{"<" + written + "|" + label.s + ">"}
}
