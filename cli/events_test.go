package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server/admin"
)

// lines is a standard output that calls after with all lines so far.
type lines struct {
	bytes.Buffer
	after func([]string)
}

func (l *lines) Write(b []byte) (int, error) {
	n, err := l.Buffer.Write(b)
	l.after(strings.Split(strings.TrimSpace(l.String()), "\n"))
	return n, err
}

// eventLog answers like GET /api/v1/events, two to a page.
type eventLog struct {
	t      *testing.T
	events []admin.Event // oldest first
}

func (l *eventLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	since, cursor := time.Time{}, r.URL.Query().Get("cursor")
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			l.t.Error(err)
		}
	}
	var page eventPage
	for _, e := range slices.Backward(l.events) {
		if e.At.Before(since) || cursor != "" && e.ID >= cursor {
			continue
		}
		if len(page.Events) == 2 {
			page.NextCursor = page.Events[1].ID
			break
		}
		page.Events = append(page.Events, e)
	}
	_ = json.NewEncoder(w).Encode(page)
}

func TestFollowedEventsArePrintedOnceAlsoThoseThatComeLateOrInCrowds(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	at := func(id string, seconds int) admin.Event {
		return admin.Event{ID: id, At: noon.Add(time.Duration(seconds) * time.Second), Kind: "k" + id}
	}
	log := &eventLog{t: t, events: []admin.Event{at("1", 0), at("2", 20), at("4", 30)}}
	out := &lines{}
	out.after = func(lines []string) {
		switch len(lines) {
		case 2: // the newest page was printed; what comes now are an older one and more than a page
			log.events = []admin.Event{at("1", 0), at("2", 20), at("3", 25), at("4", 30), at("5", 31), at("6", 32)}
		case 5:
			log.events = append(log.events, at("7", 33))
		case 6:
			stop()
		}
	}
	p := &Program{Stdout: out}
	m := &management{http: http.Client{Transport: inProcess{log}}}
	if err := p.followEvents(ctx, m, map[string][]string{}, true); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var e admin.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, e.ID)
	}
	if want := []string{"2", "4", "3", "5", "6", "7"}; !slices.Equal(got, want) {
		t.Errorf("printed %v, want %v", got, want)
	}
}
