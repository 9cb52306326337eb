package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

const (
	// eventsPoll is how often --follow looks.
	eventsPoll = 500 * time.Millisecond
	// eventsLate is how much older than the newest an event may be that comes after it: its transaction took longer.
	eventsLate = 10 * time.Second
)

func (p *Program) eventsCommand() *cobra.Command {
	var (
		about, kind, app, since, cursor string
		limit                           int
		follow, asJSON                  bool
	)
	cmd := &cobra.Command{
		Use: "events", Short: "What has happened: who signed in, who changed what", Args: arguments(),
		Long: "What has happened, the newest first: sign-ins, and changes with what was before and after. The log names people by their sub;\n" +
			"their addresses are looked up while they are here. After 90 days it keeps what happened, and not who it was.\n" +
			"With --follow the newest comes last, and with --json each event is then one line.",
		Example: "  gatelatch events --about ann@example.com --since 7d\n  gatelatch events --kind client.updated\n  gatelatch events --kind password\n  gatelatch events --follow",
	}
	query := url.Values{}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		for name, value := range map[string]string{"user": about, "kind": kind, "client_id": app, "cursor": cursor} {
			if value != "" {
				query.Set(name, value)
			}
		}
		query.Set("limit", strconv.Itoa(limit))
		if follow && cursor != "" {
			return usage(cmd, "--cursor goes back and --follow goes on: leave one of them out")
		}
		if since == "" {
			return nil
		}
		ago, err := parseDuration(since)
		if err != nil {
			return usage(cmd, "--since is %q; expected how long ago, such as 24h or 30d", since)
		}
		query.Set("since", time.Now().Add(-ago).UTC().Format(time.RFC3339Nano))
		return nil
	}
	cmd.RunE = p.managed(func(ctx context.Context, m *management, _ []string) error {
		if follow {
			return p.followEvents(ctx, m, query, asJSON)
		}
		return p.listEvents(ctx, m, query, asJSON)
	})
	cmd.Flags().StringVar(&about, "about", "", "only about this `person`: their address or sub")
	cmd.Flags().StringVar(&kind, "kind", "", "only of this `kind`, such as password.changed, or password for all that begin with it")
	cmd.Flags().StringVar(&app, "app", "", "only about the application with this `CLIENT_ID`")
	cmd.Flags().StringVar(&since, "since", "", "not older than this `duration`, such as 24h or 30d")
	cmd.Flags().StringVar(&cursor, "cursor", "", "where the `page` before ended")
	cmd.Flags().IntVar(&limit, "limit", 25, "how many at once, up to 200")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with events as they come")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

type eventPage struct {
	Events     []admin.Event `json:"events"`
	NextCursor string        `json:"next_cursor,omitempty"`
}

func (p *Program) listEvents(ctx context.Context, m *management, query url.Values, asJSON bool) error {
	var page eventPage
	if err := m.call(ctx, "GET", "/events?"+query.Encode(), nil, &page); err != nil {
		return err
	}
	if asJSON {
		return p.printJSON(page)
	}
	if len(page.Events) == 0 {
		p.printf("Nothing has happened.\n")
		return nil
	}
	w := p.table("WHEN", "WHAT", "ABOUT", "BY", "APP", "FROM", "DETAIL")
	for _, e := range page.Events {
		w.row(eventCells(e)...)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if page.NextCursor != "" {
		p.printf("\nMore: --cursor %s\n", page.NextCursor)
	}
	return nil
}

// followEvents prints the newest events and those that come, until ctx ends. It asks for a little more than is new, and passes over what it
// has printed.
func (p *Program) followEvents(ctx context.Context, m *management, query url.Values, asJSON bool) error {
	printed := map[string]bool{}
	var from time.Time   // of the oldest that was printed
	newest := time.Now() // or when we began, while there is none: nobody asks for the whole log again and again
	for first := true; ; first = false {
		events, err := readEvents(ctx, m, query, !first)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		had := printed
		printed = make(map[string]bool, len(events))
		for _, e := range slices.Backward(events) {
			if printed[e.ID] = true; !had[e.ID] {
				p.printEvent(e, asJSON)
			}
		}
		if len(events) > 0 {
			if newest = events[0].At; from.IsZero() {
				from = events[len(events)-1].At
			}
		}
		since := newest.Add(-eventsLate)
		if since.Before(from) {
			since = from
		}
		query.Set("since", since.Format(time.RFC3339Nano))
		query.Set("limit", "200")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(eventsPoll):
		}
	}
}

// readEvents reads a page of events, or all there are.
func readEvents(ctx context.Context, m *management, query url.Values, all bool) (events []admin.Event, err error) {
	for query := maps.Clone(query); ; {
		var page eventPage
		if err := m.call(ctx, "GET", "/events?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		events = append(events, page.Events...)
		if page.NextCursor == "" || !all {
			return events, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}

func (p *Program) printEvent(e admin.Event, asJSON bool) {
	if asJSON {
		enc := json.NewEncoder(p.Stdout)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(e) // whoever reads along may have gone
		return
	}
	w := p.table()
	w.row(eventCells(e)...)
	_ = w.Flush()
}

// eventCells are an event in columns.
func eventCells(e admin.Event) []string {
	by := cmp.Or(e.ActorEmail, e.Actor)
	if e.User != "" && e.Actor == "user:"+e.User {
		by = "themselves"
	}
	from := strings.Join(slices.DeleteFunc([]string{e.IP, e.Device}, func(s string) bool { return s == "" }), " ")
	return []string{e.At.Format("2006-01-02 15:04:05"), e.Kind, cmp.Or(e.UserEmail, e.User), by, cmp.Or(e.ClientName, e.ClientID), from, e.Detail}
}
