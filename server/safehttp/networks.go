package safehttp

import "net/netip"

// special are networks inside of the public ranges that lead nowhere, back to us, or through a translator to an address
// we would have refused (IANA special-purpose address registries, RFC 6890 and its successors).
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// global6 is all of IPv6 that is routed in the world; what lies outside of it (::/96, NAT64, fc00::/7, fe80::/10 …) never is.
var global6 = netip.MustParsePrefix("2000::/3")

// public reports whether an address, unmapped, is one of the open Internet.
func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Is4In6() || a.Zone() != "" {
		return false
	}
	if a.Is6() && !global6.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}
