package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatelatch/server/safehttp"
)

// The answers have the form of https://haveibeenpwned.com/API/v3#SearchingPwnedPasswordsByRange. SHA-1 of "password" is
// 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
func TestOnlyTheBeginningOfAHashLeavesAndItsEndIsLookedForInTheAnswer(t *testing.T) {
	var asked []string
	list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String())
		switch r.URL.Path {
		case "/range/5BAA6":
			fmt.Fprint(w, "1D2DA4053E34E76F6576ED1DA63134B5E2A:2\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:52256179\r\n1E4F2A1B0A1F2A2C1D1E1F202122232425A:1\r\n")
		case "/range/8BE3C": // "letmein" itself is on the list; here a line of padding has its end
			fmt.Fprint(w, strings.ToLower("943B1609FFFBFC51AAD666D0A04ADF83C9D")+":0\r\n")
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(list.Close)
	c := safehttp.Reading(leaksMost, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, time.Now)
	leaked := leaks(list.URL+"/range/", c)
	for password, want := range map[string]bool{"password": true, "Password": false} {
		got, err := leaked(t.Context(), password)
		if got != want || password == "password" && err != nil {
			t.Errorf("%s: got %t, %v, want %t", password, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "range") {
			t.Errorf("the error tells what was asked for: %v", err)
		}
	}
	for _, a := range asked {
		if len(a) != len("GET /range/5BAA6") {
			t.Errorf("asked %s", a)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := leaked(ctx, "password"); err == nil {
		t.Error("nobody was asked, and nothing said")
	}
}
