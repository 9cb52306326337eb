package admin

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatelatch/storage"
)

// Event is a line of the audit log. The log names people by their sub alone; addresses are looked up while they are here.
type Event struct {
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	Kind       string    `json:"kind" doc:"Such as session.signed_in"`
	Actor      string    `json:"actor" doc:"Who did it: user:SUB, key:ID, client:ID, cli, system, registration; user where it is older than 90 days; empty: somebody who has not proven who they are"`
	ActorEmail string    `json:"actor_email,omitempty" doc:"Of a person who did it, if they are still here"`
	User       string    `json:"user,omitempty" doc:"The sub of whom it is about; not there after 90 days"`
	UserEmail  string    `json:"user_email,omitempty" doc:"Theirs, if they are still here"`
	ClientID   string    `json:"client_id,omitempty"`
	ClientName string    `json:"client_name,omitempty" doc:"If it is still here"`
	IP         string    `json:"ip,omitempty"`
	Device     string    `json:"device,omitempty"`
	Detail     string    `json:"detail,omitempty" doc:"What has changed, in words; never a secret"`
}

type (
	eventQuery struct {
		User     string    `query:"user" maxLength:"254" doc:"About whom: the sub, or an e-mail address"`
		Kind     string    `query:"kind" maxLength:"100" doc:"password.changed, or password for all that begin with it"`
		ClientID string    `query:"client_id" maxLength:"2000"`
		Since    time.Time `query:"since" doc:"Not older than that"`
		Cursor   string    `query:"cursor" doc:"The next_cursor of the page before"`
		Limit    int       `query:"limit" minimum:"1" maximum:"200" default:"25"`
	}
	eventList struct {
		Body struct {
			Events     []Event `json:"events"`
			NextCursor string  `json:"next_cursor,omitempty" doc:"Not there on the last page"`
		}
	}
)

func (a *Admin) eventRoutes(api huma.API) {
	operation(a, api, huma.Operation{OperationID: "list-events", Method: http.MethodGet, Path: "/api/v1/events", Summary: "List what has happened, the newest first"},
		func(ctx context.Context, in *eventQuery) (*eventList, error) { return a.listEvents(ctx, in) })
}

var eventKind = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)?$`)

func (a *Admin) listEvents(ctx context.Context, in *eventQuery) (*eventList, error) {
	cursor, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	if in.Kind != "" && !eventKind.MatchString(in.Kind) {
		return nil, refuse(422, "%q is no kind of event. They are called like password.changed; password finds all that begin with it.", in.Kind)
	}
	filter := storage.EventFilter{Kind: in.Kind, Client: in.ClientID}
	if !in.Since.IsZero() {
		filter.Since = in.Since.UnixMicro()
	}
	out := &eventList{}
	out.Body.Events = []Event{}
	err = a.deps.Store.Read(ctx, func(tx storage.Tx) error {
		if in.User != "" {
			if filter.User, err = aboutWhom(tx, in.User); err != nil {
				return err
			}
		}
		rows, err := tx.EventsWith(filter, cursor, in.Limit+1)
		if err != nil {
			return err
		}
		if len(rows) > in.Limit {
			rows = rows[:in.Limit]
			out.Body.NextCursor = rows[in.Limit-1].ID.String()
		}
		names := eventNames{tx: tx, emails: map[storage.ID]string{}, apps: map[string]string{}}
		for _, row := range rows {
			e, err := names.show(row)
			if err != nil {
				return err
			}
			out.Body.Events = append(out.Body.Events, e)
		}
		return nil
	})
	return out, err
}

// aboutWhom reads whose events are asked for. The log outlives people, so a sub need not be anybody's any more.
func aboutWhom(tx storage.Tx, name string) (storage.ID, error) {
	if id, err := storage.ParseID(name); err == nil {
		return id, nil
	}
	u, err := findUser(tx, name)
	return u.ID, err
}

// eventNames looks up what people and applications are called now, each once.
type eventNames struct {
	tx     storage.Tx
	emails map[storage.ID]string
	apps   map[string]string
}

func (n eventNames) show(row storage.Event) (e Event, err error) {
	e = Event{ID: row.ID.String(), At: row.ID.Time(), Kind: row.Kind, Actor: row.Actor, User: row.UserID.String(), ClientID: row.ClientID, IP: row.IP, Device: row.Device, Detail: row.Detail}
	if e.UserEmail, err = n.email(row.UserID); err != nil {
		return e, err
	}
	if sub, is := strings.CutPrefix(row.Actor, "user:"); is {
		by, _ := storage.ParseID(sub) // the zero ID, if it were none, is nobody
		if e.ActorEmail, err = n.email(by); err != nil {
			return e, err
		}
	}
	e.ClientName, err = n.app(row.ClientID)
	return e, err
}

func (n eventNames) email(user storage.ID) (string, error) {
	address, known := n.emails[user]
	if known || user.IsZero() {
		return address, nil
	}
	m, err := n.tx.PrimaryEmail(user)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return "", err
	}
	n.emails[user] = m.Typed
	return m.Typed, nil
}

func (n eventNames) app(id string) (string, error) {
	name, known := n.apps[id]
	if known || id == "" {
		return name, nil
	}
	c, err := n.tx.Client(id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return "", err
	}
	n.apps[id] = c.Name
	return c.Name, nil
}
