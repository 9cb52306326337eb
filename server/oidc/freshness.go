package oidc

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How long a document is believed: as its headers say within bounds, and an hour where they say nothing.
const (
	documentLeast = 5 * time.Minute
	documentUsual = time.Hour
	documentMost  = 24 * time.Hour
)

// documentLife reads how long an answer may be used (RFC 9111 §4.2.1).
func documentLife(h http.Header, now time.Time) time.Duration {
	life, said := documentUsual, false
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return documentLeast
		case "max-age":
			seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32)
			if err != nil || seconds < 0 {
				return documentLeast // RFC 9111 §4.2.1: what cannot be read is stale
			}
			life, said = time.Duration(seconds)*time.Second, true
		}
	}
	if expires := h.Get("Expires"); expires != "" && !said {
		at, err := http.ParseTime(expires)
		if err != nil {
			return documentLeast
		}
		life, said = at.Sub(now), true
	}
	if age, err := strconv.ParseInt(h.Get("Age"), 10, 32); err == nil && age > 0 && said {
		life -= time.Duration(age) * time.Second
	}
	return min(max(life, documentLeast), documentMost)
}
