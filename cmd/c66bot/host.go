package main

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// privateDomains are those under which nobody can have a name in public: of the machine itself, of local networks and clusters, and of the
// services of Kubernetes.
var privateDomains = []string{"localhost", "local", "internal", "svc"}

// onlyOwnNames answers requests for the names that the bot can have, and no others: a page in a browser that has a name of its own lead
// to the bot's address (DNS rebinding) could else read what the endpoints say. The bot can have any IP address, as a probe of Kubernetes
// uses it, any name without a dot, as in a compose network, those of private domains, and the one that it is configured to listen on.
func onlyOwnNames(addr string, next http.Handler) http.Handler {
	own, _, _ := net.SplitHostPort(addr) // It was parsed before; without a host there is no name.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := hostName(r.Host); !ownName(host) && !strings.EqualFold(host, strings.TrimSuffix(own, ".")) {
			writeText(w, http.StatusMisdirectedRequest,
				"not one of my names: ask by an IP address, localhost, a name without a dot, or the host of "+label("http.addr"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostName is the name or address in a Host header, "" where there is none, as HTTP/1.0 allows.
func hostName(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil { // Without a port.
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func ownName(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") {
		return true
	}
	top := host[strings.LastIndex(host, ".")+1:]
	return slices.Contains(privateDomains, top)
}
