package authn

import (
	"slices"

	"gatelatch/storage"
)

// ACR is how strong one proven factor is, ACR2 two of different kinds, PHR two of which one cannot be phished
// (OpenID Connect Extended Authentication Profile ACR Values 1.0).
const (
	ACR  = "urn:gatelatch:1"
	ACR2 = "urn:gatelatch:2"
	PHR  = "phr"
)

// ACRs are the strengths of a sign-in that can be reached here, the weakest first (OpenID Connect Core §2, acr).
var ACRs = []string{ACR, ACR2, PHR}

// strengths orders every acr there is a meaning for.
var strengths = map[string]int{ACR: 1, ACR2: 2, PHR: 3}

// Fulfils reports whether a sign-in of strength have is at least as strong as want. What has no meaning here is fulfilled by nothing.
func Fulfils(have, want string) bool {
	return strengths[want] > 0 && strengths[have] >= strengths[want]
}

// Reachable reports whether a sign-in here can be as strong as one of those wanted.
func Reachable(wanted []string) bool {
	return slices.ContainsFunc(ACRs, func(have string) bool { return fulfilsAny(have, wanted) })
}

func fulfilsAny(have string, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(want string) bool { return Fulfils(have, want) })
}

// weakest is the lowest level that fulfils one of the values; 0 if none has a meaning.
func weakest(values []string) int {
	n := 0
	for _, v := range values {
		if l := strengths[v]; l > 0 && (n == 0 || l < n) {
			n = l
		}
	}
	return n
}

// acrOf names a level.
func acrOf(level int) string {
	for acr, l := range strengths {
		if l == level {
			return acr
		}
	}
	return ""
}

// StrongEnough reports whether a session is as strong as its request and its client insist. What is merely wished for
// (acr_values) does not count here.
func StrongEnough(s storage.Session, d Demands, c storage.Client) bool {
	if len(d.RequiredACR) > 0 && !fulfilsAny(s.ACR, d.RequiredACR) {
		return false
	}
	return c.Settings.RequiredACR == "" || Fulfils(s.ACR, c.Settings.RequiredACR)
}

// stronger reports whether somebody should sign in anew because the request wishes for more than the session is, and it can be had.
func stronger(s storage.Session, d Demands) bool {
	return len(d.ACRValues) > 0 && !fulfilsAny(s.ACR, d.ACRValues) && Reachable(d.ACRValues)
}
