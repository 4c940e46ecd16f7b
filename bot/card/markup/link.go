package markup

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of addresses in bytes: maxLink of an escaped one in a text, maxAddress of one in a button.
const (
	maxLink    = 600
	maxAddress = 3000
)

// Address is an address of the web. The zero Address is none.
type Address struct{ url string }

// WebAddress reads an address. It is none unless its scheme is http or https, and it has a host, no user, and no character that would end
// a link.
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

// Link links a label to an address. It is the label alone where the address is none or too long, or the label contains a link, mention or
// date.
func Link(to Address, label Text) Text {
	written := entities.Replace(to.url)
	if to.Empty() || len(written) > maxLink || label.Empty() || strings.ContainsAny(label.s, "<>\n") {
		return label
	}
	return Text{"<" + written + "|" + label.s + ">"}
}
