package oidc

import (
	"net/http"
	"testing"
	"time"
)

func TestADocumentIsBelievedAsItsHeadersSayWithinBounds(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"nothing said":            {nil, time.Hour},
		"as said":                 {map[string]string{"Cache-Control": "public, max-age=7200"}, 2 * time.Hour},
		"quoted":                  {map[string]string{"Cache-Control": `Max-Age="7200"`}, 2 * time.Hour},
		"for ever":                {map[string]string{"Cache-Control": "max-age=2147483647, immutable"}, 24 * time.Hour},
		"not at all":              {map[string]string{"Cache-Control": "max-age=0"}, 5 * time.Minute},
		"never kept":              {map[string]string{"Cache-Control": "no-store, max-age=7200"}, 5 * time.Minute},
		"nonsense":                {map[string]string{"Cache-Control": "max-age=soon"}, 5 * time.Minute},
		"less than nothing":       {map[string]string{"Cache-Control": "max-age=-1"}, 5 * time.Minute},
		"older than it looks":     {map[string]string{"Cache-Control": "max-age=7200", "Age": "3600"}, time.Hour},
		"until a moment":          {map[string]string{"Expires": "Sun, 01 Mar 2026 14:00:00 GMT"}, 2 * time.Hour},
		"until yesterday":         {map[string]string{"Expires": "Sat, 28 Feb 2026 14:00:00 GMT"}, 5 * time.Minute},
		"until no date":           {map[string]string{"Expires": "0"}, 5 * time.Minute},
		"max-age before a moment": {map[string]string{"Cache-Control": "max-age=600", "Expires": "Sun, 01 Mar 2026 14:00:00 GMT"}, 10 * time.Minute},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		if got := documentLife(h, now); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
