package safehttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestRequestsOfLibrariesGoOutWithHeadersAndBody(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.WriteHeader(418)
		fmt.Fprint(w, q.Method, " ", q.Header.Get("Authorization"), " ", q.PostFormValue("code"))
	})
	q, _ := http.NewRequestWithContext(t.Context(), "POST", "https://example.com/token", strings.NewReader("code=c1"))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.SetBasicAuth("id", "s")
	res, err := r.HTTP().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	if got := string(text); res.StatusCode != 418 || got != "POST Basic aWQ6cw== c1" {
		t.Fatalf("got %d %q", res.StatusCode, got)
	}
}

func TestRequestsOfLibrariesMeetTheSameRefusals(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/away":
			http.Redirect(w, q, "https://example.com/inside", http.StatusFound)
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat("x", maxBody+1))
		case "/inside":
			t.Error("the redirect was followed")
		}
	})
	r.names["inside.example"] = [][]string{{"10.0.0.1"}}
	for address, want := range map[string]error{
		"https://example.com/away": ErrRedirect, "https://example.com/large": ErrTooLarge, "https://inside.example/": ErrForbidden, "http://example.com/": ErrURL,
		"https://user:pw@example.com/": ErrURL,
	} {
		if _, err := r.HTTP().Get(address); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", address, err, want)
		}
	}
	plain := httptest.NewServer(http.HandlerFunc(hello))
	defer plain.Close()
	if _, err := New(nil, time.Now).HTTP().Get(plain.URL); !errors.Is(err, ErrURL) {
		t.Errorf("plain http on this machine: got %v", err)
	}
}
